//! Whether a signal is given.

use agoge_l1_client::{CallError, PayloadFacts};
use agoge_protocol::rpc::Signal;

/// Whether blocks signal for `wanted`, by what L1 says of the payload.
///
/// # Errors
/// Why not, for a person: its actions are not those that the operator gave the hash of; they are done; it is no payload; L1 does not say.
pub fn verdict(wanted: Signal, found: &Result<PayloadFacts, CallError>) -> Result<(), String> {
    match found {
        Ok(facts) if facts.actions_hash != wanted.actions_hash => Err(format!(
            "the payload's actions hash to {}, not to {}; hint: look at what it does before giving the new hash",
            facts.actions_hash, wanted.actions_hash
        )),
        Ok(PayloadFacts { done: Some(done), .. }) => Err(format!("its actions are done: {done}")),
        Ok(_) => Ok(()),
        Err(CallError::Rpc(error)) => Err(format!("L1 does not tell what the payload does: {error}")),
        Err(_) => Err(format!(
            "{} is no payload: it does not answer `actions()` with a list of actions",
            wanted.payload
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{Address, B256};

    #[test]
    fn only_what_the_operator_looked_at_and_is_still_to_be_done_is_signalled() {
        let wanted = Signal {
            payload: Address::repeat_byte(1),
            actions_hash: B256::repeat_byte(2),
        };
        let facts = |byte, done| {
            Ok(PayloadFacts {
                actions_hash: B256::repeat_byte(byte),
                done,
            })
        };
        assert_eq!(verdict(wanted, &facts(2, None)), Ok(()));
        let refused = |found| verdict(wanted, &found).unwrap_err();
        assert!(refused(facts(3, None)).contains("hash to 0x0303"));
        assert!(refused(facts(2, Some("the allow-list is off"))).contains("allow-list is off"));
        let undecodable = CallError::Undecodable {
            contract: wanted.payload,
            function: "actions()",
        };
        assert!(refused(Err(undecodable)).contains("is no payload"));
    }
}
