//! USHydra on the device: quality-routed AI for handheld ultrasound.
