//! Models of the conformance suite with results from plain loops.

#![allow(dead_code, reason = "every test program uses a part")]

pub(crate) mod cases;
pub(crate) mod reference;
