//! One offer or response: the four parameters in the order in which the header has them.
//!
//! `ws` keeps that order in its answer, and so do we.

use super::params::{MAX_BITS, MIN_BITS, NegotiationError, Params};
use crate::Role;
use crate::extension::{Extension, Param};

/// The parameters. RFC 7692, section 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    ServerNoContextTakeover,
    ClientNoContextTakeover,
    ServerMaxWindowBits,
    ClientMaxWindowBits,
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        const ALL: [Name; 4] = [
            Name::ServerNoContextTakeover,
            Name::ClientNoContextTakeover,
            Name::ServerMaxWindowBits,
            Name::ClientMaxWindowBits,
        ];
        ALL.into_iter().find(|known| known.as_str() == name)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::ServerNoContextTakeover => "server_no_context_takeover",
            Self::ClientNoContextTakeover => "client_no_context_takeover",
            Self::ServerMaxWindowBits => "server_max_window_bits",
            Self::ClientMaxWindowBits => "client_max_window_bits",
        }
    }

    /// Judges a value that `reader` was sent; only window bits have one.
    fn read_value(self, value: Option<&str>, reader: Role) -> Option<Value> {
        match (self, value) {
            (Self::ServerNoContextTakeover | Self::ClientNoContextTakeover, None) => {
                Some(Value::Absent)
            }
            // RFC 7692, 7.1.2.2: without a value a client says that it would obey any.
            (Self::ClientMaxWindowBits, None) if reader == Role::Server => Some(Value::Absent),
            (Self::ServerMaxWindowBits | Self::ClientMaxWindowBits, Some(value)) => {
                read_bits(value).map(Value::Bits)
            }
            _ => None,
        }
    }
}

/// What follows a parameter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Absent,
    Bits(u8),
}

/// RFC 7692, 7.1.2.1: a decimal integer without leading zeroes between 8 and 15.
fn read_bits(value: &str) -> Option<u8> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    value.parse().ok().filter(|bits| plain && (MIN_BITS..=MAX_BITS).contains(bits))
}

/// Parameters and their values, each name once.
#[derive(Clone, Debug, Default)]
pub(super) struct ParamList(Vec<(Name, Value)>);

impl ParamList {
    /// Reads an element of the header that `reader` received.
    pub(super) fn read(extension: &Extension<'_>, reader: Role) -> Result<Self, NegotiationError> {
        let mut list = Self::default();
        let mut rest = extension.params.as_slice();
        while let Some((Param { name, value }, behind)) = rest.split_first() {
            if behind.iter().any(|other| other.name == *name) {
                return Err(NegotiationError::DuplicateParam((*name).to_owned()));
            }
            let known = Name::parse(name)
                .ok_or_else(|| NegotiationError::UnknownParam((*name).to_owned()))?;
            let value = value.as_deref();
            let read = known.read_value(value, reader).ok_or_else(|| {
                NegotiationError::InvalidValue(
                    (*name).to_owned(),
                    value.unwrap_or("true").to_owned(),
                )
            })?;
            list.0.push((known, read));
            rest = behind;
        }
        Ok(list)
    }

    pub(super) fn get(&self, name: Name) -> Option<Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, name: Name) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn bits(&self, name: Name) -> Option<u8> {
        match self.get(name)? {
            Value::Absent => None,
            Value::Bits(bits) => Some(bits),
        }
    }

    pub(super) fn set(&mut self, name: Name, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(place) => place.1 = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn remove(&mut self, name: Name) {
        self.0.retain(|(known, _)| *known != name);
    }

    pub(super) fn params(&self) -> Params {
        Params {
            server_no_context_takeover: self.has(Name::ServerNoContextTakeover),
            client_no_context_takeover: self.has(Name::ClientNoContextTakeover),
            server_max_window_bits: self.bits(Name::ServerMaxWindowBits),
            client_max_window_bits: self.bits(Name::ClientMaxWindowBits),
        }
    }

    /// The header's value.
    pub(super) fn header(&self) -> String {
        let param = |&(name, value): &(Name, Value)| Param {
            name: name.as_str(),
            value: match value {
                Value::Absent => None,
                Value::Bits(bits) => Some(bits.to_string().into()),
            },
        };
        let params = self.0.iter().map(param).collect();
        Extension { name: EXTENSION_NAME, params }.to_string()
    }
}

/// The extension's name in the header.
pub(super) const EXTENSION_NAME: &str = "permessage-deflate";
