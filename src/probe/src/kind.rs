//! Which format a file has, by its first bytes.

use std::path::Path;

use crate::{mhd, nifti};

/// Formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Portable Network Graphics.
    Png,
    /// JPEG, baseline or progressive.
    Jpeg,
    /// Windows bitmap.
    Bmp,
    /// TIFF, first page.
    Tiff,
    /// DICOM part 10 file.
    Dicom,
    /// AVI.
    Avi,
    /// NIfTI-1 in one file, also as gzip.
    Nifti,
    /// MetaImage header, with or without the samples behind it.
    MetaImage,
}

/// Bytes that [`Kind::detect`] needs to see: the header of a NIfTI file, or enough gzip data to unpack its beginning.
pub(crate) const HEAD_BYTES: usize = 1024;
pub(crate) const DICOM_PREAMBLE: usize = 128;

/// Smallest and greatest size of the bitmap header that follows the 14 bytes of the BMP file header.
const BMP_INFO_BYTES: std::ops::RangeInclusive<u32> = 12..=124;

impl Kind {
    /// Format by the first bytes of a file (1024 suffice). The name of the file has no say: exported files are often
    /// misnamed.
    #[must_use]
    pub fn detect(head: &[u8]) -> Option<Self> {
        let at = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
        let beginning = head.get(..HEAD_BYTES).unwrap_or(head);
        // First of all: the 128 bytes before it are free for anything, also for the header of a TIFF.
        if at(DICOM_PREAMBLE, b"DICM") {
            Some(Self::Dicom)
        } else if at(0, b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if at(0, &[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if at(0, b"RIFF") && at(8, b"AVI ") {
            Some(Self::Avi)
        } else if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0") || at(0, b"MM\0+") {
            Some(Self::Tiff)
        } else if at(0, b"BM") && is_bmp(head) {
            Some(Self::Bmp)
        } else if mhd::looks_like(head) {
            Some(Self::MetaImage)
        } else if nifti::looks_like(head) || nifti::looks_like(&nifti::inflated(beginning)) {
            Some(Self::Nifti)
        } else {
            None
        }
    }

    /// Format by the ending of the name, only to tell a damaged picture from a file that is none.
    pub(crate) fn from_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        if name.ends_with(".nii.gz") {
            return Some(Self::Nifti);
        }
        let (_, ending) = name.rsplit_once('.')?;
        match ending {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "bmp" | "dib" => Some(Self::Bmp),
            "tif" | "tiff" => Some(Self::Tiff),
            "dcm" | "dicom" => Some(Self::Dicom),
            "avi" => Some(Self::Avi),
            "nii" => Some(Self::Nifti),
            "mhd" | "mha" => Some(Self::MetaImage),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Dicom => "DICOM",
            Self::Avi => "AVI",
            Self::Nifti => "NIfTI",
            Self::MetaImage => "MetaImage",
        }
    }
}

/// `BM` alone begins many a text file: the size of the second header must be one that exists.
fn is_bmp(head: &[u8]) -> bool {
    head.get(14..18)
        .and_then(|bytes| bytes.try_into().ok())
        .is_some_and(|bytes| BMP_INFO_BYTES.contains(&u32::from_le_bytes(bytes)))
}

/// Names what an unreadable file looks like, for the error message.
pub(crate) fn describe_unknown(head: &[u8]) -> &'static str {
    let at = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
    if head.is_empty() {
        "an empty file"
    } else if at(0, b"GIF8") {
        "a GIF picture"
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        "a WebP picture"
    } else if at(0, b"RIFF") {
        "a RIFF file without video"
    } else if at(4, b"ftyp") {
        "an MP4 or HEIF file"
    } else if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        "a Matroska or WebM video"
    } else if at(0, &[0x1f, 0x8b]) {
        "a gzip archive"
    } else if at(0, b"PK\x03\x04") {
        "a ZIP archive"
    } else if at(0, b"%PDF") {
        "a PDF document"
    } else {
        "the content of this file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        struct Case {
            head: Vec<u8>,
            kind: Option<Kind>,
        }
        let dicom_with_tiff = [b"II*\0".as_slice(), &[0; 124], b"DICM"].concat();
        let mut nifti = vec![0; 348];
        nifti[..2].copy_from_slice(&[0x5c, 1]);
        nifti[40] = 3;
        let cases = [
            Case { head: b"\x89PNG\r\n\x1a\n".to_vec(), kind: Some(Kind::Png) },
            Case { head: b"\x89PNG\r\n\x1a".to_vec(), kind: None },
            Case { head: vec![0xff, 0xd8, 0xff, 0xe0], kind: Some(Kind::Jpeg) },
            Case { head: b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec(), kind: Some(Kind::Bmp) },
            Case { head: b"BMW is a car of sorts".to_vec(), kind: None },
            Case { head: b"MM\0*\0\0\0\x08".to_vec(), kind: Some(Kind::Tiff) },
            Case { head: b"RIFF\x10\0\0\0AVI LIST".to_vec(), kind: Some(Kind::Avi) },
            Case { head: b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), kind: None },
            Case { head: b"ObjectType = Image\nNDims = 2\n".to_vec(), kind: Some(Kind::MetaImage) },
            Case { head: b"ObjectTypes: none\n".to_vec(), kind: None },
            Case { head: nifti.clone(), kind: Some(Kind::Nifti) },
            Case { head: nifti[..44].to_vec(), kind: Some(Kind::Nifti) },
            Case { head: b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), kind: None },
            Case { head: dicom_with_tiff, kind: Some(Kind::Dicom) },
            Case { head: vec![], kind: None },
        ];
        for case in cases {
            assert_eq!(Kind::detect(&case.head), case.kind, "{:?}", case.head);
        }
    }

    #[test]
    fn unknown_content_is_named() {
        assert_eq!(describe_unknown(b"RIFF\x10\0\0\0WEBPVP8 "), "a WebP picture");
        assert_eq!(describe_unknown(b"\0\0\0\x20ftypisom"), "an MP4 or HEIF file");
        assert_eq!(describe_unknown(b"hello"), "the content of this file");
    }
}
