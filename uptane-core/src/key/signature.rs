//! The bytes of one signature.

use core::ops::Deref;

use crate::json::JsonStr;

/// Longest signature that is read, in bytes: RSA with 4096 bits.
pub const MAX_SIGNATURE_BYTES: usize = 512;

/// The bytes of one signature, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(heapless::Vec<u8, MAX_SIGNATURE_BYTES>);

impl Signature {
    /// Reads hex digits, as TUF writes signatures; `None` for anything else or too many of them.
    #[must_use]
    pub fn from_hex(text: JsonStr<'_>) -> Option<Self> {
        let text = text.plain()?;
        Self::decode(text.len() / 2, |bytes| base16ct::mixed::decode(text, bytes).is_ok())
    }

    /// Reads padded base64, as Uptane's servers write signatures; `None` for anything else or too much of it.
    #[must_use]
    pub fn from_base64(text: JsonStr<'_>) -> Option<Self> {
        let text = text.plain()?.as_bytes();
        let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
        let length = (text.len() / 4 * 3).checked_sub(padding)?;
        Self::decode(length, |bytes| {
            base64ct::Decoder::<'_, base64ct::Base64>::new(text)
                .is_ok_and(|mut decoder| decoder.decode(bytes).is_ok() && decoder.is_finished())
        })
    }

    fn decode(length: usize, read: impl FnOnce(&mut [u8]) -> bool) -> Option<Self> {
        let mut bytes = heapless::Vec::new();
        bytes.resize_default(length).ok()?;
        (length > 0 && read(&mut bytes)).then_some(Self(bytes))
    }
}

impl Deref for Signature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::json::parse;
    use alloc::format;

    #[test]
    fn a_signature_is_read_up_to_its_limit_and_not_one_byte_beyond() {
        for (bytes, fits) in [(1, true), (MAX_SIGNATURE_BYTES, true), (MAX_SIGNATURE_BYTES + 1, false)] {
            let hex = format!("\"{}\"", "0f".repeat(bytes));
            let hex = Signature::from_hex(parse(hex.as_bytes()).unwrap().string().unwrap());
            assert_eq!(hex.map(|signature| signature.len()), fits.then_some(bytes));
        }
        for (groups, fits) in [(170, true), (171, false)] {
            let base64 = format!("\"{}\"", "AAAA".repeat(groups));
            let base64 = Signature::from_base64(parse(base64.as_bytes()).unwrap().string().unwrap());
            assert_eq!(base64.map(|signature| signature.len()), fits.then_some(groups * 3));
        }
    }

    #[test]
    fn what_is_not_whole_is_no_signature() {
        for text in ["\"\"", "\"0\"", "\"0g\"", "\"=\"", "\"AB==\"", "\"A===\"", "\"0\\u0030\""] {
            let text = parse(text.as_bytes()).unwrap().string().unwrap();
            assert_eq!(Signature::from_hex(text), None);
        }
        for text in ["\"\"", "\"A\"", "\"=\"", "\"====\"", "\"A===\"", "\"AB==\"", "\"AA==AA==\""] {
            let text = parse(text.as_bytes()).unwrap().string().unwrap();
            assert_eq!(Signature::from_base64(text), None, "{text:?}");
        }
    }
}
