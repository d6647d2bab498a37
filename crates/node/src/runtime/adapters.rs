//! The node's seams, filled by L1 and the network.

use agoge_l1_client::{At, Blob, BlobSource, BlockRange, CallError, EntropyError, RollupReader, kzg};
use agoge_p2p::{P2pHandle, Request, Response, Target};
use agoge_protocol::{Address, B256, Epoch, L1Block, SignedQuote};
use agoge_supervisor::Spawner;
use futures::future::{BoxFuture, FutureExt as _};

use crate::chain::{BlobFetcher, ReadError, SetReader};
use crate::quotes::BondReader;

/// Peers asked for one blob in one try.
const PEERS_ASKED_MAX: usize = 3;

/// Blobs from the configured sources, then from peers.
#[derive(Debug)]
pub(super) struct Blobs {
    pub(super) source: BlobSource,
    pub(super) p2p: P2pHandle,
    pub(super) spawner: Spawner,
}

impl BlobFetcher for Blobs {
    fn fetch(&self, l1_block: L1Block, hash: B256) -> BoxFuture<'_, Result<Blob, ReadError>> {
        async move {
            let error = match self.source.fetch(l1_block, hash).await {
                Ok(blob) => return Ok(blob),
                Err(error) => error,
            };
            match self.ask_peers(hash).await {
                Some(blob) => Ok(blob),
                None => Err(ReadError::from(error)),
            }
        }
        .boxed()
    }
}

impl Blobs {
    async fn ask_peers(&self, hash: B256) -> Option<Blob> {
        let mut asked = Vec::new();
        for _ in 0..PEERS_ASKED_MAX {
            let answer = self
                .p2p
                .request(Target::AnyExcept(asked.clone()), Request::Blob(hash))
                .await
                .ok()?;
            asked.push(answer.peer);
            let Response::Blob(Some(bytes)) = answer.response else {
                continue;
            };
            let Ok(blob) = Blob::from_bytes(bytes) else {
                continue;
            };
            let checked = self.spawner.spawn_blocking("blob-check", move || {
                (kzg::versioned_hash(&blob).ok() == Some(hash)).then_some(blob)
            });
            if let Ok(Some(blob)) = checked.await {
                return Some(blob);
            }
        }
        None
    }
}

/// Validator sets and entropy blocks from L1.
#[derive(Debug)]
pub(super) struct L1Sets(pub(super) RollupReader);

impl SetReader for L1Sets {
    fn validator_set(&self, epoch: Epoch) -> BoxFuture<'_, Result<Option<Vec<Address>>, ReadError>> {
        async move {
            match self.0.validator_set(At::Latest, epoch).await {
                Ok(set) => Ok(Some(set)),
                Err(CallError::Reverted { reason, .. }) if reason.is("Staking__SetNotFrozen") => Ok(None),
                Err(error) => Err(ReadError::from(error)),
            }
        }
        .boxed()
    }

    fn first_block_at(&self, time: u64) -> BoxFuture<'_, Result<Option<L1Block>, ReadError>> {
        async move {
            match self.0.entropy_block(time).await {
                Ok(entropy) => Ok(Some(entropy.block)),
                Err(EntropyError::TooEarly { .. }) => Ok(None),
                Err(error) => Err(ReadError::from(error)),
            }
        }
        .boxed()
    }
}

/// Provers' bonds from L1.
#[derive(Debug)]
pub(super) struct L1Bonds(pub(super) RollupReader);

impl BondReader for L1Bonds {
    fn available(&self, prover: Address) -> BoxFuture<'_, Result<u128, ReadError>> {
        async move {
            let account = self.0.prover_account(At::Latest, prover).await;
            Ok(account.map_err(ReadError::from)?.available())
        }
        .boxed()
    }

    fn is_claimable(
        &self,
        time: u64,
        signed: SignedQuote,
        epoch: BlockRange,
    ) -> BoxFuture<'_, Result<Result<(), String>, ReadError>> {
        async move { judgement(self.0.quote_digest_if_claimable(time, &signed, epoch).await) }.boxed()
    }
}

/// What is wrong with a quote wherever the chain stands. All other refusals are about the chain, and may be those of an endpoint that lags.
const REFUSALS_OF_A_QUOTE: [&str; 4] = [
    "ProverBonds__BondTooSmall",
    "ProverBonds__Unavailable",
    "ProverBonds__QuoteUsed",
    "ProverBonds__WrongQuoteSignature",
];

fn judgement(answer: Result<B256, CallError>) -> Result<Result<(), String>, ReadError> {
    match answer {
        Ok(_) => Ok(Ok(())),
        Err(CallError::Reverted { reason, .. })
            if REFUSALS_OF_A_QUOTE.into_iter().any(|name| reason.is(name)) =>
        {
            Ok(Err(reason.to_string()))
        }
        Err(error) => Err(ReadError::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use agoge_contract_bindings::prover_bonds::ProverBonds;
    use agoge_l1_client::RevertReason;
    use agoge_protocol::U256;
    use alloy::sol_types::SolError;

    use super::*;

    fn reverted(error: &impl SolError) -> Result<B256, CallError> {
        Err(CallError::Reverted {
            function: "quoteDigestIfClaimable",
            reason: RevertReason::decode(&error.abi_encode().into()),
        })
    }

    #[test]
    fn a_refusal_is_the_quotes_fault_only_if_no_other_chain_would_take_it() {
        assert!(matches!(judgement(Ok(B256::ZERO)), Ok(Ok(()))));
        let own = [
            reverted(&ProverBonds::ProverBonds__BondTooSmall {
                bondAmount: U256::ZERO,
                minimumBond: U256::ONE,
            }),
            reverted(&ProverBonds::ProverBonds__Unavailable {
                prover: Address::ZERO,
                wanted: U256::ONE,
                available: U256::ZERO,
            }),
            reverted(&ProverBonds::ProverBonds__QuoteUsed {
                quoteDigest: B256::ZERO,
            }),
            reverted(&ProverBonds::ProverBonds__WrongQuoteSignature {
                prover: Address::ZERO,
            }),
        ];
        for answer in own {
            let text = format!("{answer:?}");
            assert!(matches!(judgement(answer), Ok(Err(_))), "{text}");
        }
        let of_the_chain = [
            reverted(&ProverBonds::ProverBonds__NotTheEpochsBlocks {
                epoch: U256::ONE,
                firstNumber: U256::ONE,
                lastNumber: U256::ONE,
            }),
            reverted(&ProverBonds::ProverBonds__WrongEndArchive {
                given: B256::ZERO,
                expected: B256::repeat_byte(1),
            }),
            reverted(&ProverBonds::ProverBonds__OutOfClaimWindow {
                epoch: U256::ONE,
                slot: U256::ONE,
            }),
        ];
        for answer in of_the_chain {
            let text = format!("{answer:?}");
            assert!(judgement(answer).is_err(), "{text}");
        }
    }
}
