//! Exit codes of every program (`docs/interface.md`).

/// How a program ends. Scripts and service managers decide by these numbers, so they never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// Failed for a reason without a code of its own.
    Failed = 1,
    /// Wrong usage or configuration, found before any I/O.
    Usage = 2,
    /// A precondition is not met: state, balance, doctor.
    Precondition = 3,
    /// Another chain id, genesis or code hash than expected.
    WrongNetwork = 4,
    /// The L1 transaction was mined and reverted.
    Reverted = 5,
    /// Simulation reverts; nothing was sent.
    SimulationReverts = 6,
    /// Timed out waiting; the hash was printed.
    TimedOut = 7,
    /// Declined, or no terminal and no `--yes`.
    Declined = 8,
    /// The signing guard refused.
    SigningRefused = 9,
    /// Gate: no-go.
    NoGo = 10,
    /// Gate, history check: not enough data.
    NotEnoughData = 11,
    /// Stop and upgrade the program.
    Upgrade = 75,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        // The discriminants are the documented numbers.
        Self::from(code as u8)
    }
}
