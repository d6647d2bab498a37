//! Exit codes. Their home is `docs/interface.md`.

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Failed for a reason that no other code names.
    Failed = 1,
    /// Wrong usage or configuration, found before anything was opened or sent.
    Usage = 2,
    /// Something that must be there first is not: keys, guard, deployment, doctor's checks.
    Precondition = 3,
    /// Chain id, genesis or code hash of another network.
    WrongNetwork = 4,
    /// Signing refused: the same keys may be in use elsewhere.
    SigningRefused = 9,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
