//! Model bundles: manifest, hashes, domain statistics and the one preprocessing implementation.
