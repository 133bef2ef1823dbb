//! Setup packets (USB 2.0, 9.3).

/// The eight bytes that begin a control transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// `bmRequestType`: direction, kind and recipient.
    pub request_type: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`.
    pub length: u16,
}

/// Who defines a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// USB itself.
    Standard,
    /// A device class.
    Class,
    /// The maker.
    Vendor,
    /// Nobody.
    Reserved,
}

/// Whom a request concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The device.
    Device,
    /// The interface whose number is the low byte of `wIndex`.
    Interface,
    /// The endpoint whose address is the low byte of `wIndex`.
    Endpoint,
    /// Something else.
    Other,
}

impl Setup {
    /// Reads a setup packet; every eight bytes are one.
    #[must_use]
    pub const fn decode(b: [u8; 8]) -> Self {
        Self {
            request_type: b[0],
            request: b[1],
            value: u16::from_le_bytes([b[2], b[3]]),
            index: u16::from_le_bytes([b[4], b[5]]),
            length: u16::from_le_bytes([b[6], b[7]]),
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn encode(&self) -> [u8; 8] {
        let (v, i, l) = (self.value.to_le_bytes(), self.index.to_le_bytes(), self.length.to_le_bytes());
        [self.request_type, self.request, v[0], v[1], i[0], i[1], l[0], l[1]]
    }

    /// Whether the host asks for data.
    #[must_use]
    pub const fn is_in(&self) -> bool {
        self.request_type & 0x80 != 0
    }

    /// Who defines the request.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.request_type >> 5 & 3 {
            0 => Kind::Standard,
            1 => Kind::Class,
            2 => Kind::Vendor,
            _ => Kind::Reserved,
        }
    }

    /// Whom it concerns.
    #[must_use]
    pub const fn recipient(&self) -> Recipient {
        match self.request_type & 0x1f {
            0 => Recipient::Device,
            1 => Recipient::Interface,
            2 => Recipient::Endpoint,
            _ => Recipient::Other,
        }
    }
}
