//! OCI image layouts on disk.
