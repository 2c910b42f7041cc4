#[allow(dead_code)]
impl Shop {
    /// The field `member`, stored under the key `member`.
    const MEMBER: ::typed_sessions::Field<Self, Option<Member>, Member> = ::typed_sessions::Field::optional(
        0,
        |__data| &mut __data.member,
    );
    /// What will be bought.
    pub const CART: ::typed_sessions::Field<Self, Vec<String>> = ::typed_sessions::Field::plain(
        1,
        |__data| &mut __data.cart,
        <Vec<String> as ::core::default::Default>::default,
    );
    /// The field `language`, stored under the key `lang`.
    pub(crate) const LANGUAGE: ::typed_sessions::Field<Self, String> = ::typed_sessions::Field::plain(
        2,
        |__data| &mut __data.language,
        || "en".to_owned(),
    );
    /// The field `otp`, stored under the key `otp`.
    const OTP: ::typed_sessions::Field<Self, Option<String>, String> = ::typed_sessions::Field::optional(
        3,
        |__data| &mut __data.otp,
    );
}
#[automatically_derived]
impl ::typed_sessions::SessionData for Shop {
    const __FIELDS: &'static [::typed_sessions::__private::FieldSpec] = &[
        ::typed_sessions::__private::FieldSpec::new("member").user(),
        ::typed_sessions::__private::FieldSpec::new("cart"),
        ::typed_sessions::__private::FieldSpec::new("lang").aliases(&["locale"]),
        ::typed_sessions::__private::FieldSpec::new("otp")
            .ttl(::typed_sessions::__private::Duration::from_millis(300000u64))
            .until_logout()
            .or_default(),
    ];
    fn __initial() -> Self {
        Self {
            member: ::typed_sessions::__private::absent(Self::MEMBER),
            cart: ::typed_sessions::__private::absent(Self::CART),
            language: ::typed_sessions::__private::absent(Self::LANGUAGE),
            otp: ::typed_sessions::__private::absent(Self::OTP),
            cache: <Cache as ::core::default::Default>::default(),
        }
    }
    fn __read(
        __stored: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<Self> {
        ::core::result::Result::Ok(Self {
            member: ::typed_sessions::__private::read(__stored, Self::MEMBER)?,
            cart: ::typed_sessions::__private::read(__stored, Self::CART)?,
            language: ::typed_sessions::__private::read(__stored, Self::LANGUAGE)?,
            otp: ::typed_sessions::__private::read(__stored, Self::OTP)?,
            cache: <Cache as ::core::default::Default>::default(),
        })
    }
    fn __read_field(
        &mut self,
        __index: ::core::primitive::usize,
        __stored: &::typed_sessions::__private::Stored<'_>,
    ) -> ::typed_sessions::Result<()> {
        match __index {
            0 => self.member = ::typed_sessions::__private::read(__stored, Self::MEMBER)?,
            1 => self.cart = ::typed_sessions::__private::read(__stored, Self::CART)?,
            2 => {
                self.language = ::typed_sessions::__private::read(
                    __stored,
                    Self::LANGUAGE,
                )?;
            }
            3 => self.otp = ::typed_sessions::__private::read(__stored, Self::OTP)?,
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
            0 => ::typed_sessions::__private::write(Self::MEMBER, &self.member, __writer),
            1 => ::typed_sessions::__private::write(Self::CART, &self.cart, __writer),
            2 => {
                ::typed_sessions::__private::write(
                    Self::LANGUAGE,
                    &self.language,
                    __writer,
                )
            }
            3 => ::typed_sessions::__private::write(Self::OTP, &self.otp, __writer),
            _ => {
                ::core::result::Result::Ok(::typed_sessions::__private::Written::Nothing)
            }
        }
    }
    fn __absorb(&mut self, mut __fresh: Self) {
        ::core::mem::swap(&mut self.member, &mut __fresh.member);
        ::core::mem::swap(&mut self.cart, &mut __fresh.cart);
        ::core::mem::swap(&mut self.language, &mut __fresh.language);
        ::core::mem::swap(&mut self.otp, &mut __fresh.otp);
    }
    type User = Member;
    fn __user(&self) -> ::core::option::Option<&Self::User> {
        ::core::option::Option::as_ref(&self.member)
    }
    fn __set_user(&mut self, __user: ::core::option::Option<Self::User>) {
        self.member = __user;
    }
}
