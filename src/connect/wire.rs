//! Reads big-endian fields of Kafka's wire formats from bytes that may be cut off or hostile.

/// Bytes of a group that do not have the layout they should have.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error(
        "the group's bytes end at byte {at}, inside {what}: check that the group belongs to Kafka Connect and not to another client"
    )]
    CutOff {
        /// The field.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// A length that cannot be.
    #[error(
        "{what} at byte {at} of the group's bytes has length {length}: check that the group belongs to Kafka Connect and not to another client"
    )]
    Length {
        /// The field.
        what: &'static str,
        /// Where it begins.
        at: usize,
        /// The length it claims.
        length: i64,
    },
    /// A text that is not UTF-8.
    #[error(
        "{what} at byte {at} of the group's bytes is no UTF-8 text: check that the group belongs to Kafka Connect and not to another client"
    )]
    NotText {
        /// The field.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// A number outside of what the protocol knows.
    #[error(
        "{what} is {number} in the group's bytes, which the Connect protocol does not know: check that the group belongs to Kafka Connect and not to another client"
    )]
    Number {
        /// The field.
        what: &'static str,
        /// Its value.
        number: i64,
    },
}

/// A cursor over the fields of one blob.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Begins at the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(DecodeError::CutOff { what, at: self.at })?;
        self.rest = rest;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let cut = DecodeError::CutOff { what, at: self.at };
        self.take(N, what)?.try_into().map_err(|_| cut)
    }

    /// A signed 16-bit number.
    pub(super) fn int16(&mut self, what: &'static str) -> Result<i16, DecodeError> {
        self.array(what).map(i16::from_be_bytes)
    }

    /// A signed 32-bit number.
    pub(super) fn int32(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        self.array(what).map(i32::from_be_bytes)
    }

    /// A signed 64-bit number.
    pub(super) fn int64(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.array(what).map(i64::from_be_bytes)
    }

    /// A text with a 16-bit length.
    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let at = self.at;
        let length = self.int16(what)?;
        let count = usize::try_from(length).map_err(|_| DecodeError::Length {
            what,
            at,
            length: length.into(),
        })?;
        let bytes = self.take(count, what)?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError::NotText { what, at })
    }

    /// Bytes with a 32-bit length; length -1 is `None`.
    pub(super) fn nullable_bytes(
        &mut self,
        what: &'static str,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.count(what)? {
            None => Ok(None),
            Some(count) => self.take(count, what).map(Some),
        }
    }

    /// The 32-bit length of an array or of bytes; -1 is `None`. No memory may be reserved for it: the bytes that would
    /// fill it need not be there.
    pub(super) fn count(&mut self, what: &'static str) -> Result<Option<usize>, DecodeError> {
        let at = self.at;
        let length = self.int32(what)?;
        if length == -1 {
            return Ok(None);
        }
        let refused = DecodeError::Length {
            what,
            at,
            length: length.into(),
        };
        usize::try_from(length).map(Some).map_err(|_| refused)
    }
}
