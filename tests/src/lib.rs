//! Tests and benchmarks that cross the rooms of USHydra.
