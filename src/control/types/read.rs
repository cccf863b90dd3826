//! How the words of the control protocol are read out of JSON: a [`Value`] taken apart into one of [`super`].
//!
//! serde_json has a reader of its own for that. It also reads a struct from a list and a field from its number, which the
//! protocol does not have, and the compiler writes that out for each of eighty structs. With this one the program is
//! smaller, and a list in the place of an object is refused. Read [`super::super::line`] next.

use std::vec;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde_json::{Error, Value, map};

/// Reads `T` from a value. Fields that it does not know are passed over.
///
/// # Errors
/// What is missing or of the wrong type, in serde's words.
pub(in super::super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Words(value))
}

/// A value that is taken apart.
struct Words(Value);

impl Words {
    /// What stands here, for the message that says what should.
    fn found(&self) -> Unexpected<'_> {
        match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(word) => Unexpected::Bool(*word),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    #[cold]
    fn wrong(&self, wanted: &dyn de::Expected) -> Error {
        de::Error::invalid_type(self.found(), wanted)
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Number(number) = &self.0 else {
            return Err(self.wrong(&visitor));
        };
        match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => visitor.visit_u64(number),
            (None, Some(number)) => visitor.visit_i64(number),
            (None, None) => Err(self.wrong(&visitor)),
        }
    }

    fn string<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            other => Err(Self(other).wrong(&visitor)),
        }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields(fields.into_iter(), Value::Null)),
            other => Err(Self(other).wrong(&visitor)),
        }
    }
}

/// Only what the types of the protocol ask for; everything else is refused when it is asked for.
impl<'de> Deserializer<'de> for Words {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        Err(self.wrong(&visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(word) => visitor.visit_bool(word),
            other => Err(Self(other).wrong(&visitor)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            other => Err(Self(other).wrong(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.object(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(word) => visitor.visit_enum::<StringDeserializer<Error>>(word.into_deserializer()),
            other => Err(Self(other).wrong(&visitor)),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple_struct identifier
    }
}

/// The fields of an object, and the value of the one whose name was read last.
struct Fields(map::IntoIter, Value);

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.0.next() else {
            return Ok(None);
        };
        self.1 = value;
        let name: StringDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(Words(self.1.take()))
    }
}

/// The items of a list.
struct Items(vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0
            .next()
            .map(|item| seed.deserialize(Words(item)))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Failure, RecordText, Records};
    use super::*;

    fn refusal<T: DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
        read::<T>(value).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_in_serde_s_words() {
        let record = json!({"name": "a.example.", "ttl": 60, "type": "A", "rdata": "192.0.2.1"});
        let with = |field: &str, value: Value| {
            let mut record = record.clone();
            record[field] = value;
            record
        };
        assert_eq!(read::<RecordText>(record.clone()).unwrap().ttl, 60);
        // A later version may say more.
        assert_eq!(read::<RecordText>(with("colour", json!("red"))).unwrap().ttl, 60);
        assert_eq!(
            refusal::<RecordText>(with("ttl", json!("60"))),
            "invalid type: string \"60\", expected u32"
        );
        assert_eq!(
            refusal::<RecordText>(with("ttl", json!(4_294_967_296_u64))),
            "invalid value: integer `4294967296`, expected u32"
        );
        assert_eq!(
            refusal::<RecordText>(with("ttl", json!(1.5))),
            "invalid type: floating point `1.5`, expected u32"
        );
        assert_eq!(
            refusal::<RecordText>(with("name", Value::Null)),
            "invalid type: null, expected a string"
        );
        assert_eq!(
            refusal::<Records>(json!({"records": [record, 7], "more": false})),
            "invalid type: integer `7`, expected struct RecordText"
        );
        assert_eq!(refusal::<Records>(json!({"records": []})), "missing field `more`");
        // A struct is an object, and nothing else.
        assert_eq!(
            refusal::<Records>(json!([[], false])),
            "invalid type: sequence, expected struct Records"
        );
        assert_eq!(
            refusal::<Failure>(json!({"code": "no-such", "message": "x"}))
                .split(", expected")
                .next(),
            Some("unknown variant `no-such`")
        );
    }
}
