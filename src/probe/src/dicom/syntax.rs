//! Transfer syntaxes: how the data set and its pixels are coded.

use dicom_dictionary_std::uids;

use crate::error::Fault;

const TO_RAW: &str = "convert it to uncompressed DICOM, for example with `gdcmconv --raw in.dcm out.dcm`";

/// How pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// All frames one after the other, as they are.
    Native,
    /// As they are, one fragment per frame.
    EncapsulatedNative,
    /// Run lengths (PS3.5 annex G).
    Rle,
    /// Baseline, extended, progressive or lossless JPEG; the data itself says which.
    Jpeg,
}

impl Coding {
    /// Whether the pixels come in fragments.
    pub(super) fn is_encapsulated(self) -> bool {
        self != Self::Native
    }
}

/// A transfer syntax that can be read. All are little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) coding: Coding,
    /// Data elements without value representations.
    pub(super) implicit: bool,
}

impl Syntax {
    /// The syntax with this identifier.
    #[allow(deprecated, reason = "retired transfer syntaxes live on in archives")]
    pub(super) fn from_uid(uid: &str) -> Result<Self, Fault> {
        let coding = match uid {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => return Ok(Self { coding: Coding::Native, implicit: true }),
            uids::EXPLICIT_VR_LITTLE_ENDIAN => Coding::Native,
            uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Coding::EncapsulatedNative,
            uids::RLE_LOSSLESS => Coding::Rle,
            uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | uids::JPEG_FULL_PROGRESSION_NON_HIERARCHICAL1012
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1 => Coding::Jpeg,
            _ => return Err(unsupported(uid)),
        };
        Ok(Self { coding, implicit: false })
    }
}

fn unsupported(uid: &str) -> Fault {
    let (name, remedy) = match uid.strip_prefix("1.2.840.10008.1.2.") {
        Some("1.99") => ("deflated", "inflate it, for example with `dcmconv +te in.dcm out.dcm`"),
        Some("2") => ("big endian", "convert it to little endian, for example with `dcmconv +te in.dcm out.dcm`"),
        Some("4.80" | "4.81") => ("JPEG-LS", TO_RAW),
        Some("4.90" | "4.91" | "4.92" | "4.93") => ("JPEG 2000", TO_RAW),
        Some("4.201" | "4.202" | "4.203") => ("high-throughput JPEG 2000", TO_RAW),
        Some("4.110" | "4.111" | "4.112") => ("JPEG XL", TO_RAW),
        Some(video) if video.starts_with("4.10") => ("MPEG video", "export the cine as Motion-JPEG AVI or as pictures"),
        _ => ("unknown", TO_RAW),
    };
    Fault::Unsupported { what: format!("the DICOM transfer syntax {uid} ({name})"), remedy }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn syntaxes_are_known_or_named() {
        assert_eq!(Syntax::from_uid("1.2.840.10008.1.2").unwrap(), Syntax { coding: Coding::Native, implicit: true });
        assert_eq!(Syntax::from_uid("1.2.840.10008.1.2.4.50").unwrap().coding, Coding::Jpeg);
        assert_eq!(Syntax::from_uid("1.2.840.10008.1.2.4.70").unwrap().coding, Coding::Jpeg);
        assert_eq!(Syntax::from_uid("1.2.840.10008.1.2.5").unwrap().coding, Coding::Rle);
        for (uid, part) in [
            ("1.2.840.10008.1.2.2", "big endian"),
            ("1.2.840.10008.1.2.1.99", "deflated"),
            ("1.2.840.10008.1.2.4.90", "JPEG 2000"),
            ("1.2.840.10008.1.2.4.102", "MPEG video"),
            ("1.2.3", "unknown"),
        ] {
            let message = Syntax::from_uid(uid).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(uid), "{message}");
        }
    }
}
