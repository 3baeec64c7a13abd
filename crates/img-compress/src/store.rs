//! Compressed members that were kept from an earlier time.

/// What tells a member: a hash over its content, the format, the level and the encoder's version.
pub type MemberKey = [u8; 32];

/// Keeps compressed members. It may forget any of them, and never returns other bytes than it was given.
pub trait MemberStore: Send + Sync {
    /// Returns the member, if it is there.
    fn load(&self, key: &MemberKey) -> Option<Vec<u8>>;

    /// Keeps the member, if that is possible.
    fn save(&self, key: &MemberKey, member: &[u8]);

    /// Keeps the member no longer.
    fn forget(&self, key: &MemberKey);
}
