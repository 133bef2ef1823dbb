//! The structures and numbers of `linux/videodev2.h` that are used here, for 64-bit kernels.
//!
//! Names follow the header; fields of unions that are not read are plain padding. Sizes are checked when compiling, numbers
//! and offsets by the tests.

use std::mem::{offset_of, size_of};

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`.
pub const BUF_TYPE_VIDEO_CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`.
pub const MEMORY_MMAP: u32 = 1;

/// `V4L2_CAP_VIDEO_CAPTURE`: single-planar capture.
pub const CAP_VIDEO_CAPTURE: u32 = 0x0000_0001;
/// `V4L2_CAP_STREAMING`: mapped buffers.
pub const CAP_STREAMING: u32 = 0x0400_0000;
/// `V4L2_CAP_DEVICE_CAPS`: `device_caps` describes this node rather than the whole device.
pub const CAP_DEVICE_CAPS: u32 = 0x8000_0000;
/// `V4L2_CAP_TIMEPERFRAME`: the frame rate can be set.
pub const CAP_TIMEPERFRAME: u32 = 0x1000;

/// `V4L2_FIELD_NONE`: progressive.
pub const FIELD_NONE: u32 = 1;
/// `V4L2_FIELD_INTERLACED`: both fields, row by row, in one buffer.
pub const FIELD_INTERLACED: u32 = 4;
/// `V4L2_PIX_FMT_PRIV_MAGIC`: the extended fields of [`PixFormat`] are valid.
pub const PIX_FMT_PRIV_MAGIC: u32 = 0xfeed_cafe;
/// `V4L2_QUANTIZATION_FULL_RANGE`.
pub const QUANTIZATION_FULL_RANGE: u32 = 1;
/// `V4L2_QUANTIZATION_LIM_RANGE`.
pub const QUANTIZATION_LIM_RANGE: u32 = 2;

/// `V4L2_FMT_FLAG_COMPRESSED`.
pub const FMT_FLAG_COMPRESSED: u32 = 1;
/// `V4L2_FRMSIZE_TYPE_DISCRETE`.
pub const FRMSIZE_TYPE_DISCRETE: u32 = 1;
/// `V4L2_FRMIVAL_TYPE_DISCRETE`.
pub const FRMIVAL_TYPE_DISCRETE: u32 = 1;

/// `V4L2_BUF_FLAG_ERROR`: the data may be damaged.
pub const BUF_FLAG_ERROR: u32 = 0x0040;
/// `V4L2_BUF_FLAG_TIMESTAMP_MASK`.
pub const BUF_FLAG_TIMESTAMP_MASK: u32 = 0xe000;
/// `V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC`.
pub const BUF_FLAG_TIMESTAMP_MONOTONIC: u32 = 0x2000;

/// `struct v4l2_capability`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct Capability {
    pub driver: [u8; 16],
    pub card: [u8; 32],
    pub bus_info: [u8; 32],
    pub version: u32,
    pub capabilities: u32,
    pub device_caps: u32,
    pub reserved: [u32; 3],
}

/// `struct v4l2_fmtdesc`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct FmtDesc {
    pub index: u32,
    pub kind: u32,
    pub flags: u32,
    pub description: [u8; 32],
    pub pixelformat: u32,
    pub mbus_code: u32,
    pub reserved: [u32; 3],
}

/// `struct v4l2_frmsizeenum`. `size` is width and height, or the least, greatest and step width, then of the height.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct FrmSizeEnum {
    pub index: u32,
    pub pixel_format: u32,
    pub kind: u32,
    pub size: [u32; 6],
    pub reserved: [u32; 2],
}

/// `struct v4l2_fract`: seconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct Fract {
    pub numerator: u32,
    pub denominator: u32,
}

/// `struct v4l2_frmivalenum`. `interval` is the interval, or the least, the greatest and the step.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct FrmIvalEnum {
    pub index: u32,
    pub pixel_format: u32,
    pub width: u32,
    pub height: u32,
    pub kind: u32,
    pub interval: [Fract; 3],
    pub reserved: [u32; 2],
}

/// `struct v4l2_pix_format`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct PixFormat {
    pub width: u32,
    pub height: u32,
    pub pixelformat: u32,
    pub field: u32,
    pub bytesperline: u32,
    pub sizeimage: u32,
    pub colorspace: u32,
    pub private: u32,
    pub flags: u32,
    pub ycbcr_enc: u32,
    pub quantization: u32,
    pub xfer_func: u32,
}

/// `struct v4l2_format` with its union of 200 bytes, aligned like a pointer.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct Format {
    pub kind: u32,
    pub padding: u32,
    pub pix: PixFormat,
    pub rest: [u8; 200 - size_of::<PixFormat>()],
}

impl Default for Format {
    fn default() -> Self {
        Self {
            kind: BUF_TYPE_VIDEO_CAPTURE,
            padding: 0,
            pix: PixFormat::default(),
            rest: [0; 200 - size_of::<PixFormat>()],
        }
    }
}

/// `struct v4l2_captureparm`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct CaptureParm {
    pub capability: u32,
    pub capturemode: u32,
    pub timeperframe: Fract,
    pub extendedmode: u32,
    pub readbuffers: u32,
    pub reserved: [u32; 4],
}

/// `struct v4l2_streamparm` with its union of 200 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct StreamParm {
    pub kind: u32,
    pub capture: CaptureParm,
    pub rest: [u8; 200 - size_of::<CaptureParm>()],
}

impl Default for StreamParm {
    fn default() -> Self {
        Self {
            kind: BUF_TYPE_VIDEO_CAPTURE,
            capture: CaptureParm::default(),
            rest: [0; 200 - size_of::<CaptureParm>()],
        }
    }
}

/// `struct v4l2_requestbuffers`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct RequestBuffers {
    pub count: u32,
    pub kind: u32,
    pub memory: u32,
    pub capabilities: u32,
    pub flags: u8,
    pub reserved: [u8; 3],
}

/// `struct v4l2_buffer`. `offset` is the first member of the union `m`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "fields are those of the kernel's header")]
pub struct BufferDesc {
    pub index: u32,
    pub kind: u32,
    pub bytesused: u32,
    pub flags: u32,
    pub field: u32,
    pub padding: u32,
    pub seconds: i64,
    pub microseconds: i64,
    pub timecode: [u32; 4],
    pub sequence: u32,
    pub memory: u32,
    pub offset: u32,
    pub offset_high: u32,
    pub length: u32,
    pub reserved2: u32,
    pub request_fd: i32,
    pub padding2: u32,
}

impl BufferDesc {
    /// A mapped capture buffer with this number.
    #[must_use]
    pub fn mapped(index: u32) -> Self {
        Self { index, kind: BUF_TYPE_VIDEO_CAPTURE, memory: MEMORY_MMAP, ..Self::default() }
    }
}

const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<FmtDesc>() == 64);
    assert!(size_of::<FrmSizeEnum>() == 44);
    assert!(size_of::<FrmIvalEnum>() == 52);
    assert!(size_of::<PixFormat>() == 48);
    assert!(size_of::<Format>() == 208 && offset_of!(Format, pix) == 8);
    assert!(size_of::<CaptureParm>() == 40);
    assert!(size_of::<StreamParm>() == 204 && offset_of!(StreamParm, capture) == 4);
    assert!(size_of::<RequestBuffers>() == 20);
    assert!(size_of::<BufferDesc>() == 88);
    assert!(offset_of!(BufferDesc, seconds) == 24 && offset_of!(BufferDesc, timecode) == 40);
    assert!(offset_of!(BufferDesc, sequence) == 56 && offset_of!(BufferDesc, offset) == 64);
    assert!(offset_of!(BufferDesc, length) == 72);
};

/// Direction bits of an ioctl number (`asm-generic/ioctl.h`, used by x86-64 and arm64).
const WRITE: u32 = 1;
const READ: u32 = 2;

const fn number(direction: u32, number: u32, size: usize) -> u32 {
    direction << 30 | (size as u32) << 16 | (b'V' as u32) << 8 | number
}

/// `VIDIOC_QUERYCAP`.
pub const QUERYCAP: u32 = number(READ, 0, size_of::<Capability>());
/// `VIDIOC_ENUM_FMT`.
pub const ENUM_FMT: u32 = number(READ | WRITE, 2, size_of::<FmtDesc>());
/// `VIDIOC_G_FMT`.
pub const G_FMT: u32 = number(READ | WRITE, 4, size_of::<Format>());
/// `VIDIOC_S_FMT`.
pub const S_FMT: u32 = number(READ | WRITE, 5, size_of::<Format>());
/// `VIDIOC_REQBUFS`.
pub const REQBUFS: u32 = number(READ | WRITE, 8, size_of::<RequestBuffers>());
/// `VIDIOC_QUERYBUF`.
pub const QUERYBUF: u32 = number(READ | WRITE, 9, size_of::<BufferDesc>());
/// `VIDIOC_QBUF`.
pub const QBUF: u32 = number(READ | WRITE, 15, size_of::<BufferDesc>());
/// `VIDIOC_DQBUF`.
pub const DQBUF: u32 = number(READ | WRITE, 17, size_of::<BufferDesc>());
/// `VIDIOC_STREAMON`.
pub const STREAMON: u32 = number(WRITE, 18, size_of::<i32>());
/// `VIDIOC_STREAMOFF`.
pub const STREAMOFF: u32 = number(WRITE, 19, size_of::<i32>());
/// `VIDIOC_S_PARM`.
pub const S_PARM: u32 = number(READ | WRITE, 22, size_of::<StreamParm>());
/// `VIDIOC_ENUM_FRAMESIZES`.
pub const ENUM_FRAMESIZES: u32 = number(READ | WRITE, 74, size_of::<FrmSizeEnum>());
/// `VIDIOC_ENUM_FRAMEINTERVALS`.
pub const ENUM_FRAMEINTERVALS: u32 = number(READ | WRITE, 75, size_of::<FrmIvalEnum>());
