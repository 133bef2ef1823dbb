//! A device: its control pipe with the standard requests (USB 2.0, 9.4) and its bulk pipe.

use std::time::Duration;

use super::{BULK_IN, Descriptors, Function, Kind, Outcome, Recipient, Setup, Stream, Taken};

/// Feature selector of a halted endpoint.
const ENDPOINT_HALT: u16 = 0;

/// The state that USB itself gives a device.
#[derive(Debug)]
pub struct UsbDevice {
    descriptors: Descriptors,
    configuration: u8,
    stream: Stream,
}

impl UsbDevice {
    /// A device as it is after power came.
    #[must_use]
    pub fn new(function: &dyn Function) -> Self {
        let descriptors = function.descriptors();
        let stream = Stream::new(descriptors.speed.packet());
        Self { descriptors, configuration: 0, stream }
    }

    /// Whether a transfer is under way on the bulk pipe.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.stream.busy()
    }

    /// Bytes for a buffer of the bulk pipe.
    pub fn take(&mut self, function: &mut dyn Function, now: Duration, length: usize) -> Taken<'_> {
        self.stream.take(function, now, length)
    }

    /// A control transfer: the bytes for the host, none of them for requests that carry data to the device; none for a
    /// stall.
    pub fn control(
        &mut self,
        function: &mut dyn Function,
        setup: &Setup,
        data: &[u8],
        now: Duration,
    ) -> Option<Vec<u8>> {
        let mut answer = match setup.kind() {
            Kind::Standard => self.standard(function, setup)?,
            Kind::Class | Kind::Vendor if setup.is_in() => function.control_in(setup, now)?,
            Kind::Class | Kind::Vendor => {
                match function.control_out(setup, data, now) {
                    Outcome::Stalled => return None,
                    Outcome::Done => {}
                    Outcome::Flush => self.stream.flush(),
                }
                Vec::new()
            }
            Kind::Reserved => return None,
        };
        answer.truncate(setup.length.into());
        Some(answer)
    }

    fn standard(&mut self, function: &mut dyn Function, setup: &Setup) -> Option<Vec<u8>> {
        let done = Some(Vec::new());
        let bulk = setup.index == u16::from(BULK_IN);
        let control = setup.index & 0x7f == 0;
        match (setup.is_in(), setup.request, setup.recipient()) {
            // GET_STATUS
            (true, 0, Recipient::Endpoint) if bulk => Some(vec![self.stream.halted().into(), 0]),
            (true, 0, Recipient::Endpoint) if !control => None,
            (true, 0, _) => Some(vec![0, 0]),
            // CLEAR_FEATURE, SET_FEATURE
            (false, 1, Recipient::Endpoint) if bulk && setup.value == ENDPOINT_HALT => {
                self.stream.halt(false);
                function.halt_cleared();
                done
            }
            (false, 3, Recipient::Endpoint) if bulk && setup.value == ENDPOINT_HALT => {
                self.stream.halt(true);
                done
            }
            (false, 1 | 3, Recipient::Endpoint) if !control => None,
            (false, 1 | 3, _) => done,
            // SET_ADDRESS, which the host controller itself answers
            (false, 5, Recipient::Device) => done,
            // GET_DESCRIPTOR
            (true, 6, Recipient::Device) => {
                let [index, kind] = setup.value.to_le_bytes();
                self.descriptors.get(kind, index)
            }
            // GET_CONFIGURATION, SET_CONFIGURATION
            (true, 8, Recipient::Device) => Some(vec![self.configuration]),
            (false, 9, Recipient::Device) if setup.value <= 1 => {
                self.configuration = setup.value as u8;
                self.stream.halt(false);
                function.reset();
                done
            }
            // GET_INTERFACE, SET_INTERFACE: there are no alternate settings
            (true, 10, Recipient::Interface) => Some(vec![0]),
            (false, 11, Recipient::Interface) if setup.value == 0 => {
                self.stream.halt(false);
                function.reset();
                done
            }
            // SET_SEL, SET_ISOCH_DELAY of USB 3
            (false, 0x30 | 0x31, Recipient::Device) => done,
            _ => None,
        }
    }
}
