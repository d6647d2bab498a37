//! Logs of our contracts as protocol events. An event that cannot be decoded is an error with its name; none is skipped.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::chain::ClaimOutcome;
use agoge_protocol::element::NotCanonical;
use agoge_protocol::limits::{CIPHERTEXT_BYTES, VALUE_BITS};
use agoge_protocol::{
    B256, Ciphertext, Deposit, Digest, Epoch, FreeFields, L1Event, L2BlockNumber, Slot, U256,
};
use alloy::primitives::LogData;
use alloy::sol_types::{SolEvent, SolEventInterface};

use crate::config::Contracts;
use crate::l1_json::LogJson;
use crate::revert::RevertReason;

/// Why a log of one of our contracts is no event that we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Its signature or encoding is not in the contract's interface.
    #[error(
        "not in the contract's interface: {0}; hint: the deployment may need a newer version of this program"
    )]
    Unknown(String),
    /// A digest is not canonical.
    #[error("{field}: {source}")]
    NotCanonical {
        /// Which field.
        field: &'static str,
        /// Why.
        #[source]
        source: NotCanonical,
    },
    /// A number is larger than any that the contract can hold.
    #[error("{field} is {found}, out of range")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// As given.
        found: U256,
    },
    /// A ciphertext of another length.
    #[error("the ciphertext has {found} bytes, expected {CIPHERTEXT_BYTES}")]
    CiphertextLength {
        /// Bytes found.
        found: usize,
    },
}

/// First topics of the events that are followed, for the bloom filter.
pub(super) const FOLLOWED: [B256; 9] = [
    Rollup::BlockProposed::SIGNATURE_HASH,
    Rollup::Pruned::SIGNATURE_HASH,
    Rollup::EpochSetUp::SIGNATURE_HASH,
    Rollup::Deposited::SIGNATURE_HASH,
    Registry::InstanceAdded::SIGNATURE_HASH,
    Rollup::EpochProven::SIGNATURE_HASH,
    ProverBonds::EpochClaimed::SIGNATURE_HASH,
    ProverBonds::ClaimDeadlineSet::SIGNATURE_HASH,
    ProverBonds::ClaimSettled::SIGNATURE_HASH,
];

/// The event of a log, or `None` for one that says nothing about the chain (payments, other instances' claims).
pub(super) fn decode(contracts: &Contracts, log: &LogJson) -> Result<Option<L1Event>, DecodeError> {
    let data = LogData::new_unchecked(log.topics.clone(), log.data.clone());
    if log.address == contracts.registry {
        return registry_event(&data).map(Some);
    }
    if log.address == contracts.prover_bonds {
        return bonds_event(contracts, &data);
    }
    rollup_event(&data)
}

fn registry_event(data: &LogData) -> Result<L1Event, DecodeError> {
    match parse::<Registry::RegistryEvents>(data)? {
        Registry::RegistryEvents::InstanceAdded(event) => {
            same_bytes(&event, data)?;
            Ok(L1Event::InstanceAdded {
                instance: event.rollup,
                activation: Epoch::new(number("activation", event.activation)?),
            })
        }
    }
}

fn bonds_event(contracts: &Contracts, data: &LogData) -> Result<Option<L1Event>, DecodeError> {
    let (instance, event) = match parse::<ProverBonds::ProverBondsEvents>(data)? {
        ProverBonds::ProverBondsEvents::EpochClaimed(event) => {
            same_bytes(&event, data)?;
            let fee = event.basisPointFee;
            let claimed = L1Event::EpochClaimed {
                epoch: Epoch::new(number("epoch", event.epoch)?),
                prover: event.prover,
                basis_point_fee: u16::try_from(fee).map_err(|_| DecodeError::OutOfRange {
                    field: "basisPointFee",
                    found: fee,
                })?,
                bond_wei: wei("bondAmount", event.bondAmount)?,
                quote_digest: event.quoteDigest,
            };
            (event.instance, claimed)
        }
        ProverBonds::ProverBondsEvents::ClaimDeadlineSet(event) => {
            same_bytes(&event, data)?;
            let set = L1Event::ClaimDeadlineSet {
                epoch: Epoch::new(number("epoch", event.epoch)?),
                deadline: Slot::new(number("deadlineSlot", event.deadlineSlot)?),
            };
            (event.instance, set)
        }
        ProverBonds::ProverBondsEvents::ClaimSettled(event) => {
            same_bytes(&event, data)?;
            let outcome = match event.state {
                2 => ClaimOutcome::Delivered,
                3 => ClaimOutcome::Defaulted,
                4 => ClaimOutcome::Released,
                other => {
                    return Err(DecodeError::OutOfRange {
                        field: "state",
                        found: U256::from(other),
                    });
                }
            };
            let settled = L1Event::ClaimSettled {
                epoch: Epoch::new(number("epoch", event.epoch)?),
                prover: event.prover,
                outcome,
                slashed_wei: wei("slashed", event.slashed)?,
                rescued_wei: wei("rescued", event.rescued)?,
            };
            (event.instance, settled)
        }
        // Deposits, credits and locks: read from L1 when they are needed.
        _ => return Ok(None),
    };
    Ok((instance == contracts.rollup).then_some(event))
}

fn rollup_event(data: &LogData) -> Result<Option<L1Event>, DecodeError> {
    let event = match parse::<Rollup::RollupEvents>(data)? {
        Rollup::RollupEvents::BlockProposed(event) => {
            same_bytes(&event, data)?;
            L1Event::BlockProposed {
                number: L2BlockNumber::new(number("number", event.number)?),
                free_fields: FreeFields {
                    slot: Slot::new(number("slot", event.slot)?),
                    fee_recipient: event.feeRecipient,
                    inbox_end: number("inboxEnd", event.inboxEnd)?,
                    archive: digest("archive", event.archive)?,
                },
                blob_hash: event.blobHash,
                block_hash: event.blockHash,
            }
        }
        Rollup::RollupEvents::Pruned(event) => {
            same_bytes(&event, data)?;
            L1Event::Pruned {
                to: L2BlockNumber::new(number("toNumber", event.toNumber)?),
            }
        }
        Rollup::RollupEvents::EpochSetUp(event) => {
            same_bytes(&event, data)?;
            L1Event::EpochSetUp {
                epoch: Epoch::new(number("epoch", event.epoch)?),
                seed: event.seed,
            }
        }
        Rollup::RollupEvents::Deposited(event) => {
            same_bytes(&event, data)?;
            let found = event.ciphertext.len();
            let ciphertext = event
                .ciphertext
                .as_ref()
                .try_into()
                .map_err(|_| DecodeError::CiphertextLength { found })?;
            let value = number("valueGwei", event.valueGwei)?;
            if value >> VALUE_BITS != 0 {
                return Err(DecodeError::OutOfRange {
                    field: "valueGwei",
                    found: event.valueGwei,
                });
            }
            if event.rollingHash.bit_len() > 216 {
                return Err(DecodeError::OutOfRange {
                    field: "rollingHash",
                    found: event.rollingHash,
                });
            }
            L1Event::Deposited(Deposit {
                index: number("index", event.index)?,
                partial: digest("partialCommitment", event.partialCommitment)?,
                value,
                ciphertext: Ciphertext::from_bytes(ciphertext),
                time: number("time", event.time)?,
                inbox_hash: B256::from(event.rollingHash),
            })
        }
        Rollup::RollupEvents::EpochProven(event) => {
            same_bytes(&event, data)?;
            L1Event::Proven {
                epoch: Epoch::new(number("epoch", event.epoch)?),
                prover: event.prover,
                from: L2BlockNumber::new(number("fromNumber", event.fromNumber)?),
                to: L2BlockNumber::new(number("toNumber", event.toNumber)?),
                settled_from: L2BlockNumber::new(number("settledNumber", event.settledNumber)?),
                end_archive: digest("endArchive", event.endArchive)?,
            }
        }
        Rollup::RollupEvents::BundledClaimFailed(event) => {
            same_bytes(&event, data)?;
            let reason = RevertReason::decode(&event.reason);
            tracing::warn!(block = %event.number, %reason, "a bundled claim had no effect");
            return Ok(None);
        }
        Rollup::RollupEvents::BundledSignalFailed(event) => {
            same_bytes(&event, data)?;
            let reason = RevertReason::decode(&event.reason);
            tracing::warn!(block = %event.number, %reason, "a bundled signal had no effect");
            return Ok(None);
        }
        Rollup::RollupEvents::Credited(_)
        | Rollup::RollupEvents::Withdrawn(_)
        | Rollup::RollupEvents::EIP712DomainChanged(_) => return Ok(None),
    };
    Ok(Some(event))
}

fn parse<E: SolEventInterface>(data: &LogData) -> Result<E, DecodeError> {
    E::decode_raw_log(data.topics(), &data.data)
        .map_err(|e| DecodeError::Unknown(crate::rpc::shorten(&e.to_string())))
}

/// Every event has one encoding: another one is not from our contract.
fn same_bytes<E: SolEvent>(event: &E, data: &LogData) -> Result<(), DecodeError> {
    if event.encode_log_data() == *data {
        Ok(())
    } else {
        Err(DecodeError::Unknown(format!(
            "{} is not encoded as its contract does",
            E::SIGNATURE
        )))
    }
}

fn number(field: &'static str, found: U256) -> Result<u64, DecodeError> {
    u64::try_from(found).map_err(|_| DecodeError::OutOfRange { field, found })
}

fn wei(field: &'static str, found: U256) -> Result<u128, DecodeError> {
    u128::try_from(found).map_err(|_| DecodeError::OutOfRange { field, found })
}

fn digest(field: &'static str, bytes: B256) -> Result<Digest, DecodeError> {
    Digest::from_b256(bytes).map_err(|source| DecodeError::NotCanonical { field, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::Address;
    use alloy::primitives::{Bytes, U64};

    const CONTRACTS: Contracts = Contracts {
        rollup: Address::repeat_byte(1),
        registry: Address::repeat_byte(2),
        staking: Address::repeat_byte(3),
        prover_bonds: Address::repeat_byte(4),
    };

    fn log(address: Address, event: &impl SolEvent) -> LogJson {
        let data = event.encode_log_data();
        LogJson {
            address,
            topics: data.topics().to_vec(),
            data: data.data,
            block_hash: B256::ZERO,
            block_number: U64::ZERO,
            log_index: U64::ZERO,
            removed: false,
        }
    }

    fn proposed(archive: B256) -> Rollup::BlockProposed {
        Rollup::BlockProposed {
            number: U256::from(5),
            slot: U256::from(9),
            archive,
            blockHash: B256::repeat_byte(4),
            blobHash: B256::repeat_byte(5),
            feeRecipient: Address::repeat_byte(6),
            inboxEnd: U256::from(7),
            proposer: Address::repeat_byte(8),
        }
    }

    fn deposited() -> Rollup::Deposited {
        Rollup::Deposited {
            index: U256::from(1),
            partialCommitment: B256::ZERO,
            valueGwei: U256::from(2_000),
            ciphertext: Bytes::from(vec![9; CIPHERTEXT_BYTES]),
            time: U256::from(11),
            rollingHash: U256::from(12),
        }
    }

    #[test]
    fn events_become_protocol_words() {
        let event = decode(&CONTRACTS, &log(CONTRACTS.rollup, &proposed(B256::ZERO)))
            .unwrap()
            .unwrap();
        let L1Event::BlockProposed {
            number,
            free_fields,
            blob_hash,
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!(
            (number.get(), free_fields.slot.get(), free_fields.inbox_end),
            (5, 9, 7)
        );
        assert_eq!(blob_hash, B256::repeat_byte(5));
        let event = decode(&CONTRACTS, &log(CONTRACTS.rollup, &deposited()))
            .unwrap()
            .unwrap();
        assert!(matches!(event, L1Event::Deposited(deposit) if deposit.value == 2_000 && deposit.time == 11));
        let added = Registry::InstanceAdded {
            rollup: Address::ZERO,
            activation: U256::from(3),
        };
        let event = decode(&CONTRACTS, &log(CONTRACTS.registry, &added)).unwrap();
        assert_eq!(
            event,
            Some(L1Event::InstanceAdded {
                instance: Address::ZERO,
                activation: Epoch::new(3)
            })
        );
        let credited = Rollup::Credited {
            account: Address::ZERO,
            amount: U256::from(1),
        };
        assert_eq!(decode(&CONTRACTS, &log(CONTRACTS.rollup, &credited)), Ok(None));
    }

    fn proven() -> Rollup::EpochProven {
        Rollup::EpochProven {
            epoch: U256::from(2),
            prover: Address::repeat_byte(9),
            fromNumber: U256::from(33),
            toNumber: U256::from(40),
            settledNumber: U256::from(35),
            endArchive: B256::ZERO,
        }
    }

    fn claimed(instance: Address) -> ProverBonds::EpochClaimed {
        ProverBonds::EpochClaimed {
            instance,
            epoch: U256::from(2),
            prover: Address::repeat_byte(9),
            basisPointFee: U256::from(700),
            bondAmount: U256::from(5),
            quoteDigest: B256::repeat_byte(6),
        }
    }

    fn settled(state: u8) -> ProverBonds::ClaimSettled {
        ProverBonds::ClaimSettled {
            instance: CONTRACTS.rollup,
            epoch: U256::from(2),
            prover: Address::repeat_byte(9),
            state,
            slashed: U256::from(10),
            rescued: U256::from(4),
        }
    }

    #[test]
    fn proofs_and_claims_of_this_instance_are_followed() {
        let event = decode(&CONTRACTS, &log(CONTRACTS.rollup, &proven()))
            .unwrap()
            .unwrap();
        let L1Event::Proven {
            from,
            to,
            settled_from,
            ..
        } = event
        else {
            panic!("{event:?}")
        };
        assert_eq!((from.get(), to.get(), settled_from.get()), (33, 40, 35));
        let ours = log(CONTRACTS.prover_bonds, &claimed(CONTRACTS.rollup));
        assert!(matches!(
            decode(&CONTRACTS, &ours).unwrap(),
            Some(L1Event::EpochClaimed {
                basis_point_fee: 700,
                bond_wei: 5,
                ..
            })
        ));
        let others = log(CONTRACTS.prover_bonds, &claimed(Address::ZERO));
        assert_eq!(decode(&CONTRACTS, &others), Ok(None));
        let deadline = ProverBonds::ClaimDeadlineSet {
            instance: CONTRACTS.rollup,
            epoch: U256::from(2),
            deadlineSlot: U256::from(96),
        };
        assert!(matches!(
            decode(&CONTRACTS, &log(CONTRACTS.prover_bonds, &deadline)).unwrap(),
            Some(L1Event::ClaimDeadlineSet { deadline, .. }) if deadline == Slot::new(96)
        ));
        for (state, expected) in [
            (2, ClaimOutcome::Delivered),
            (3, ClaimOutcome::Defaulted),
            (4, ClaimOutcome::Released),
        ] {
            let event = decode(&CONTRACTS, &log(CONTRACTS.prover_bonds, &settled(state))).unwrap();
            assert!(matches!(event, Some(L1Event::ClaimSettled { outcome, .. }) if outcome == expected));
        }
        let deposited = ProverBonds::BondDeposited {
            prover: Address::ZERO,
            amount: U256::from(1),
        };
        assert_eq!(
            decode(&CONTRACTS, &log(CONTRACTS.prover_bonds, &deposited)),
            Ok(None)
        );
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        let mut unknown = log(CONTRACTS.rollup, &deposited());
        unknown.topics[0] = B256::repeat_byte(0xee);
        let mut padded = log(CONTRACTS.rollup, &proposed(B256::ZERO));
        padded.data = [padded.data.as_ref(), &[0; 32]].concat().into();
        let elsewhere = log(CONTRACTS.registry, &deposited());
        let rich = Rollup::Deposited {
            valueGwei: U256::from(1) << VALUE_BITS,
            ..deposited()
        };
        let short = Rollup::Deposited {
            ciphertext: Bytes::from(vec![0; 90]),
            ..deposited()
        };
        let late = Rollup::Deposited {
            index: U256::MAX,
            ..deposited()
        };
        let wide = Rollup::Deposited {
            rollingHash: U256::from(1) << 216,
            ..deposited()
        };
        let dear = ProverBonds::EpochClaimed {
            basisPointFee: U256::from(1 << 16),
            ..claimed(CONTRACTS.rollup)
        };
        let open = settled(1);
        let cases = [
            ("fee", log(CONTRACTS.prover_bonds, &dear), "basisPointFee"),
            ("state", log(CONTRACTS.prover_bonds, &open), "state"),
            ("unknown topic", unknown, "not in the contract's interface"),
            ("trailing bytes", padded, "BlockProposed"),
            (
                "event of another contract",
                elsewhere,
                "not in the contract's interface",
            ),
            (
                "archive",
                log(CONTRACTS.rollup, &proposed(B256::repeat_byte(0xff))),
                "archive",
            ),
            ("value", log(CONTRACTS.rollup, &rich), "valueGwei"),
            ("ciphertext", log(CONTRACTS.rollup, &short), "90 bytes"),
            ("index", log(CONTRACTS.rollup, &late), "index"),
            ("rolling hash", log(CONTRACTS.rollup, &wide), "rollingHash"),
        ];
        for (name, log, expected) in cases {
            let error = decode(&CONTRACTS, &log).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
