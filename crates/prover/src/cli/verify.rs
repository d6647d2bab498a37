//! `verify`: an epoch proof, offline, from committed data.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use agoge_circuits::{EPOCH_PROOF_BYTES_MAX, EpochProof, EpochVerifier};
use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::network::ClientProfile;
use agoge_protocol::{Element, EpochPublicInputs};
use clap::Args;
use serde_json::{Value, json};

use super::Invocation;

/// Bytes of a file of public inputs.
const PUBLIC_BYTES_MAX: u64 = 64 << 10;

/// A proof and what it says.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyArgs {
    /// The proof as L1 takes it: bytes, or 0x hex.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// Its 24 public inputs: a JSON list of numbers or decimal strings, in the order of docs/protocol.md 16.1.
    #[arg(long, value_name = "FILE")]
    public: PathBuf,
    /// The proof's client profile is `testing`.
    #[arg(long)]
    testing: bool,
}

pub(super) fn verify(invocation: &Invocation, args: &VerifyArgs) -> Result<Exit, CliError> {
    let proof_max = u64::try_from(EPOCH_PROOF_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = proof_bytes(read(&args.proof, proof_max.saturating_mul(2).saturating_add(16))?)?;
    let public_inputs = public_inputs(&read(&args.public, PUBLIC_BYTES_MAX)?)?;
    let profile = if args.testing {
        ClientProfile::Testing
    } else {
        ClientProfile::Default
    };
    let verifier =
        EpochVerifier::new(profile).map_err(|error| CliError::new(Exit::Failed, "AGOGE-PRV-008", error))?;
    let proof = EpochProof { public_inputs, bytes };
    verifier.verify(&proof).map_err(|error| {
        CliError::new(
            Exit::Failed,
            "AGOGE-PRV-009",
            format!("the proof is not valid: {error}"),
        )
    })?;
    let document = json!({
        "genesis_id": public_inputs.genesis_id,
        "start_archive": public_inputs.start_archive,
        "end_archive": public_inputs.end_archive,
        "verifier_digest": verifier.digest(),
    });
    invocation.data("verify", &document, || {
        format!(
            "valid: genesis id {}, archive {} to {}\n",
            public_inputs.genesis_id, public_inputs.start_archive, public_inputs.end_archive
        )
    });
    Ok(Exit::Ok)
}

fn usage(message: impl core::fmt::Display) -> CliError {
    CliError::new(Exit::Usage, "AGOGE-PRV-010", message)
}

fn read(path: &Path, max: u64) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| usage(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(failed)?
        .take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max) {
        Ok(bytes)
    } else {
        Err(usage(format!("{} has more than {max} bytes", path.display())))
    }
}

fn proof_bytes(bytes: Vec<u8>) -> Result<Vec<u8>, CliError> {
    let text = core::str::from_utf8(&bytes).ok().map(str::trim);
    match text.and_then(|text| text.strip_prefix("0x")) {
        Some(digits) => hex::decode(digits).map_err(|error| usage(format!("the proof: {error}"))),
        None => Ok(bytes),
    }
}

fn public_inputs(bytes: &[u8]) -> Result<EpochPublicInputs, CliError> {
    let list: Vec<Value> =
        serde_json::from_slice(bytes).map_err(|error| usage(format!("the public inputs: {error}")))?;
    let element = |value: &Value| {
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| usage(format!("{value} is no public input")))?;
        Element::new(number).map_err(|error| usage(format!("{value} is no public input: {error}")))
    };
    let elements = list.iter().map(element).collect::<Result<Vec<_>, _>>()?;
    let found = elements.len();
    let elements: [Element; EpochPublicInputs::LEN] = elements.try_into().map_err(|_| {
        usage(format!(
            "{found} public inputs, expected {}",
            EpochPublicInputs::LEN
        ))
    })?;
    Ok(EpochPublicInputs::from_elements(&elements))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_24_canonical_numbers_are_public_inputs() {
        let list = |count: usize| serde_json::to_vec(&vec!["7"; count]).unwrap();
        assert!(public_inputs(&list(24)).is_ok());
        assert!(public_inputs(&list(23)).is_err() && public_inputs(&list(25)).is_err());
        for bad in ["18446744069414584321", "-1", "0x1", "1.5", "null"] {
            let mut values = vec![json!(1); 23];
            values.push(json!(bad));
            assert!(
                public_inputs(&serde_json::to_vec(&values).unwrap()).is_err(),
                "{bad}"
            );
        }
        assert_eq!(proof_bytes(b"0x0102\n".to_vec()).unwrap(), [1, 2]);
        assert_eq!(proof_bytes(vec![0xff, 1]).unwrap(), [0xff, 1]);
        assert!(proof_bytes(b"0xzz".to_vec()).is_err());
    }
}
