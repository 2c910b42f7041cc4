#[allow(dead_code)]
impl<T: Clone, U, const N: usize> Page<T, U, N>
where
    U: Copy,
    Vec<
        T,
    >: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned + ::core::default::Default,
    [T; N]: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned,
    T: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned,
    U: ::typed_sessions::SessionUser,
{
    /// The field `items`, stored under the key `items`.
    const ITEMS: ::typed_sessions::Field<Self, Vec<T>> = ::typed_sessions::Field::plain(
        0,
        |__data| &mut __data.items,
        <Vec<T> as ::core::default::Default>::default,
    );
    /// The field `last`, stored under the key `last`.
    const LAST: ::typed_sessions::Field<Self, Option<[T; N]>, [T; N]> = ::typed_sessions::Field::optional(
        1,
        |__data| &mut __data.last,
    );
    /// The field `first`, stored under the key `first`.
    const FIRST: ::typed_sessions::Field<Self, T> = ::typed_sessions::Field::plain(
        2,
        |__data| &mut __data.first,
        || start(),
    );
    /// The field `size`, stored under the key `size`.
    const SIZE: ::typed_sessions::Field<Self, u32> = ::typed_sessions::Field::plain(
        3,
        |__data| &mut __data.size,
        <u32 as ::core::default::Default>::default,
    );
    /// The field `member`, stored under the key `member`.
    const MEMBER: ::typed_sessions::Field<Self, Option<U>, U> = ::typed_sessions::Field::optional(
        4,
        |__data| &mut __data.member,
    );
}
#[automatically_derived]
impl<T: Clone, U, const N: usize> ::typed_sessions::SessionData for Page<T, U, N>
where
    U: Copy,
    Self: ::core::marker::Send + 'static,
    Vec<
        T,
    >: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned + ::core::default::Default,
    [T; N]: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned,
    T: ::typed_sessions::__private::Serialize
        + ::typed_sessions::__private::DeserializeOwned,
    Cache<T>: ::core::default::Default,
    U: ::typed_sessions::SessionUser,
{
    const __FIELDS: &'static [::typed_sessions::__private::FieldSpec] = &[
        ::typed_sessions::__private::FieldSpec::new("items"),
        ::typed_sessions::__private::FieldSpec::new("last"),
        ::typed_sessions::__private::FieldSpec::new("first"),
        ::typed_sessions::__private::FieldSpec::new("size"),
        ::typed_sessions::__private::FieldSpec::new("member").user(),
    ];
    fn __initial() -> Self {
        Self {
            items: ::typed_sessions::__private::absent(Self::ITEMS),
            last: ::typed_sessions::__private::absent(Self::LAST),
            first: ::typed_sessions::__private::absent(Self::FIRST),
            size: ::typed_sessions::__private::absent(Self::SIZE),
            cache: <Cache<T> as ::core::default::Default>::default(),
            member: ::typed_sessions::__private::absent(Self::MEMBER),
        }
    }
    fn __read(
        __stored: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<Self> {
        ::core::result::Result::Ok(Self {
            items: ::typed_sessions::__private::read(__stored, Self::ITEMS)?,
            last: ::typed_sessions::__private::read(__stored, Self::LAST)?,
            first: ::typed_sessions::__private::read(__stored, Self::FIRST)?,
            size: ::typed_sessions::__private::read(__stored, Self::SIZE)?,
            cache: <Cache<T> as ::core::default::Default>::default(),
            member: ::typed_sessions::__private::read(__stored, Self::MEMBER)?,
        })
    }
    fn __read_field(
        &mut self,
        __index: ::core::primitive::usize,
        __stored: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<()> {
        match __index {
            0 => self.items = ::typed_sessions::__private::read(__stored, Self::ITEMS)?,
            1 => self.last = ::typed_sessions::__private::read(__stored, Self::LAST)?,
            2 => self.first = ::typed_sessions::__private::read(__stored, Self::FIRST)?,
            3 => self.size = ::typed_sessions::__private::read(__stored, Self::SIZE)?,
            4 => self.member = ::typed_sessions::__private::read(__stored, Self::MEMBER)?,
            _ => {}
        }
        ::core::result::Result::Ok(())
    }
    fn __write_field(
        &self,
        __index: ::core::primitive::usize,
        __writer: &mut ::typed_sessions::__private::Writer,
    ) -> ::typed_sessions::Result<::typed_sessions::__private::Written> {
        match __index {
            0 => ::typed_sessions::__private::write(Self::ITEMS, &self.items, __writer),
            1 => ::typed_sessions::__private::write(Self::LAST, &self.last, __writer),
            2 => ::typed_sessions::__private::write(Self::FIRST, &self.first, __writer),
            3 => ::typed_sessions::__private::write(Self::SIZE, &self.size, __writer),
            4 => ::typed_sessions::__private::write(Self::MEMBER, &self.member, __writer),
            _ => {
                ::core::result::Result::Ok(::typed_sessions::__private::Written::Nothing)
            }
        }
    }
    fn __absorb(&mut self, mut __fresh: Self) {
        ::core::mem::swap(&mut self.items, &mut __fresh.items);
        ::core::mem::swap(&mut self.last, &mut __fresh.last);
        ::core::mem::swap(&mut self.first, &mut __fresh.first);
        ::core::mem::swap(&mut self.size, &mut __fresh.size);
        ::core::mem::swap(&mut self.member, &mut __fresh.member);
    }
    type User = U;
    fn __user(&self) -> ::core::option::Option<&Self::User> {
        ::core::option::Option::as_ref(&self.member)
    }
    fn __set_user(&mut self, __user: ::core::option::Option<Self::User>) {
        self.member = __user;
    }
}
