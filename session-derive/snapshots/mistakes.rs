::core::compile_error! {
    "session data owns its values and cannot borrow them: write `String` instead of `&str`, `Vec<T>` instead of `&[T]`"
}
::core::compile_error! {
    "a session can be without a user: make this type an `Option`"
}
::core::compile_error! {
    "the key is empty: name it, or leave the attribute out"
}
#[allow(dead_code)]
impl<'a, T> Shop<'a, T>
where
    Vec<
        T,
    >: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned + ::core::default::Default,
{
    /// The field `member`, stored under the key `member`.
    const MEMBER: ::typed_sessions::Field<Self, Member> = ::typed_sessions::Field::plain(
        0,
        |__data| &mut __data.member,
        || ::core::unimplemented!(),
    );
    /// The field `cart`, stored under the key ``.
    const CART: ::typed_sessions::Field<Self, Vec<T>> = ::typed_sessions::Field::plain(
        1,
        |__data| &mut __data.cart,
        || ::core::unimplemented!(),
    );
}
#[automatically_derived]
impl<'a, T> ::typed_sessions::SessionData for Shop<'a, T>
where
    Self: ::core::marker::Send + 'static,
{
    type User = ::typed_sessions::NoUser;
    const __FIELDS: &'static [::typed_sessions::__private::FieldSpec] = &[];
    fn __initial() -> Self {
        ::core::unimplemented!()
    }
    fn __read(
        _: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<Self> {
        ::core::unimplemented!()
    }
    fn __read_field(
        &mut self,
        _: ::core::primitive::usize,
        _: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<()> {
        ::core::unimplemented!()
    }
    fn __write_field(
        &self,
        _: ::core::primitive::usize,
        _: &mut ::typed_sessions::__private::Writer,
    ) -> ::typed_sessions::Result<::typed_sessions::__private::Written> {
        ::core::unimplemented!()
    }
    fn __absorb(&mut self, _: Self) {
        ::core::unimplemented!()
    }
}
