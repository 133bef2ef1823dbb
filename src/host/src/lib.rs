//! USHydra on the host: import, train, calibrate, evaluate and export model bundles.
