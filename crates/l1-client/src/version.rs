//! Versions of the Rollup that this code can speak to.

use agoge_protocol::U256;

/// Version of a Rollup. All have the same calls; they differ in what proves a committee ([`crate::CommitteeProof`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollupVersion {
    /// 1, "Leonidas": L1 stores committees.
    Leonidas,
    /// 2, "Pleistarchus": L1 stores commitments; publications bring the members.
    Pleistarchus,
}

impl RollupVersion {
    /// What `version()` says; `None` if it is a version of later days.
    pub(crate) fn known(version: U256) -> Option<Self> {
        match u8::try_from(version) {
            Ok(1) => Some(Self::Leonidas),
            Ok(2) => Some(Self::Pleistarchus),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_one_and_two_are_known() {
        let known = |version: u64| RollupVersion::known(U256::from(version));
        assert_eq!(known(1), Some(RollupVersion::Leonidas));
        assert_eq!(known(2), Some(RollupVersion::Pleistarchus));
        for version in [0, 3, 256, 257, u64::MAX] {
            assert_eq!(known(version), None, "{version}");
        }
        assert_eq!(RollupVersion::known(U256::MAX), None);
    }
}
