//! Tests of finding credentials.
