//! Frame sources: picture files, DICOM cines, AVI.
