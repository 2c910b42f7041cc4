//! Finds what JSON would silently turn into something else, by walking through a value as serde
//! shows it: NaN and infinity, which are written as `null`, and a `Some` whose content is `null`.

use serde::ser::{self, Serialize};

/// What JSON cannot hold.
#[derive(Debug)]
pub(crate) enum Loss {
    /// A float that is no number.
    NotFinite,
    /// `Some(None)`, `Some(())` and their kind read back as `None`.
    NullInSome,
    /// The type itself refused to be serialized.
    Refused,
}

/// Whether a value is written as `null`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Null,
    Other,
}

/// Whether everything in the value would be written as itself.
pub(crate) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Loss> {
    value.serialize(Walk).map(drop)
}

struct Walk;

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON cannot hold it")
    }
}

impl std::error::Error for Loss {}

impl ser::Error for Loss {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        // The message may quote the value.
        Self::Refused
    }
}

macro_rules! plain {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, _: $type) -> Result<Form, Loss> {
            Ok(Form::Other)
        }
    )*};
}

impl ser::Serializer for Walk {
    type Ok = Form;
    type Error = Loss;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Struct;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
    }

    fn serialize_f32(self, value: f32) -> Result<Form, Loss> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Form, Loss> {
        if value.is_finite() { Ok(Form::Other) } else { Err(Loss::NotFinite) }
    }

    fn serialize_none(self) -> Result<Form, Loss> {
        Ok(Form::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Form, Loss> {
        match value.serialize(Walk)? {
            Form::Null => Err(Loss::NullInSome),
            Form::Other => Ok(Form::Other),
        }
    }

    fn serialize_unit(self) -> Result<Form, Loss> {
        Ok(Form::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Form, Loss> {
        Ok(Form::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Form, Loss> {
        Ok(Form::Other)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Form, Loss> {
        value.serialize(Walk)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Form, Loss> {
        value.serialize(Walk).map(|_| Form::Other)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Loss> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Loss> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Loss> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Loss> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Loss> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct, Loss> {
        Ok(if name == RAW_VALUE { Struct::Raw(Form::Other) } else { Struct::Plain })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Loss> {
        Ok(self)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<Form, Loss> {
        Ok(Form::Other)
    }

    fn is_human_readable(&self) -> bool {
        // As JSON is: types choose their form by this.
        true
    }
}

macro_rules! compound {
    ($($part:ident::$method:ident),* $(,)?) => {$(
        impl ser::$part for Walk {
            type Ok = Form;
            type Error = Loss;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Loss> {
                value.serialize(Walk).map(drop)
            }

            fn end(self) -> Result<Form, Loss> {
                Ok(Form::Other)
            }
        }
    )*};
}

compound! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

impl ser::SerializeStructVariant for Walk {
    type Ok = Form;
    type Error = Loss;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Loss> {
        value.serialize(Walk).map(drop)
    }

    fn end(self) -> Result<Form, Loss> {
        Ok(Form::Other)
    }
}

/// `serde_json`'s `RawValue` shows itself as a struct of this name, whose one field is its text.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

enum Struct {
    Plain,
    Raw(Form),
}

impl ser::SerializeStruct for Struct {
    type Ok = Form;
    type Error = Loss;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Loss> {
        match self {
            Self::Plain => value.serialize(Walk).map(drop),
            Self::Raw(form) => {
                let text = serde_json::to_string(value).map_err(|_| Loss::Refused)?;
                if text == "\"null\"" {
                    *form = Form::Null;
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<Form, Loss> {
        Ok(match self {
            Self::Plain => Form::Other,
            Self::Raw(form) => form,
        })
    }
}

impl ser::SerializeMap for Walk {
    type Ok = Form;
    type Error = Loss;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Loss> {
        key.serialize(Walk).map(drop)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Loss> {
        value.serialize(Walk).map(drop)
    }

    fn end(self) -> Result<Form, Loss> {
        Ok(Form::Other)
    }
}
