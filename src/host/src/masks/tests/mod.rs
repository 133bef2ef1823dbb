//! Miniature sets in the published layouts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod loading;
mod parts;
mod published;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// A folder that lives as long as its test.
pub(super) struct Set(tempfile::TempDir);

impl Set {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn root(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A grey PNG.
    pub(super) fn png(&self, name: &str, width: u32, pixels: &[u8]) -> PathBuf {
        let path = self.write(name, "");
        let height = pixels.len() as u32 / width;
        image::GrayImage::from_raw(width, height, pixels.to_vec()).unwrap().save(&path).unwrap();
        path
    }

    pub(super) fn read(&self) -> Vec<MaskSample> {
        MaskDataset::read(&[self.root()]).unwrap().samples
    }
}

/// A NIfTI-1 file of 8-bit samples, gzipped.
pub(super) fn nifti(size: [u16; 3], spacing: [f32; 2], samples: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 352];
    bytes[..4].copy_from_slice(&348_u32.to_le_bytes());
    for (axis, value) in [3, size[0], size[1], size[2]].into_iter().enumerate() {
        bytes[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&value.to_le_bytes());
    }
    bytes[70] = 2;
    bytes[72] = 8;
    bytes[80..84].copy_from_slice(&spacing[0].to_le_bytes());
    bytes[84..88].copy_from_slice(&spacing[1].to_le_bytes());
    bytes[108..112].copy_from_slice(&352_f32.to_le_bytes());
    bytes[123] = 2;
    bytes[344..348].copy_from_slice(b"n+1\0");
    bytes.extend(samples);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&bytes).unwrap();
    gzip.finish().unwrap()
}

/// An AVI of grey Motion-JPEG frames, each of one brightness.
pub(super) fn avi(side: u16, levels: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let padding = vec![0; data.len() % 2];
        [name, &(data.len() as u32).to_le_bytes(), data, &padding].concat()
    };
    let list = |name: &[u8], kind: &[u8], body: &[u8]| chunk(name, &[kind, body].concat());
    let words = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let frames: Vec<u8> = levels
        .iter()
        .flat_map(|&level| {
            let mut jpeg = Vec::new();
            let pixels = vec![level; usize::from(side) * usize::from(side)];
            jpeg_encoder::Encoder::new(&mut jpeg, 95)
                .encode(&pixels, side, side, jpeg_encoder::ColorType::Luma)
                .unwrap();
            chunk(b"00dc", &jpeg)
        })
        .collect();
    let (side, count) = (u32::from(side), levels.len() as u32);
    let mut avih = [0_u32; 14];
    (avih[0], avih[4], avih[8], avih[9]) = (20_000, count, side, side);
    let strh = [b"vidsMJPG".as_slice(), &words(&[0, 0, 0, 1, 50, 0, count, 0, 0, 0, 0, 0])].concat();
    let strf =
        [words(&[40, side, side, 1 | 24 << 16]).as_slice(), b"MJPG", &words(&[side * side * 3, 0, 0, 0, 0])].concat();
    let stream = list(b"LIST", b"strl", &[chunk(b"strh", &strh), chunk(b"strf", &strf)].concat());
    let header = list(b"LIST", b"hdrl", &[chunk(b"avih", &words(&avih)), stream].concat());
    list(b"RIFF", b"AVI ", &[header, list(b"LIST", b"movi", &frames)].concat())
}

/// The message of a sample that must not load.
pub(super) fn refusal(sample: &MaskSample) -> String {
    sample.load().unwrap_err().to_string()
}

/// Pixels of the mask.
pub(super) fn area(sample: &MaskSample) -> usize {
    sample.load().unwrap().mask.iter().filter(|&&v| v == 1).count()
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
