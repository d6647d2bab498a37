//! Signed bytes of a transaction: EIP-1559, or EIP-4844 with an EIP-7594 sidecar.

use std::sync::Arc;

use agoge_protocol::{Address, B256, U256};
use alloy::consensus::{
    EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844, TxEip4844WithSidecar, TxEnvelope,
};
use alloy::eips::Encodable2718;
use alloy::eips::eip7594::BlobTransactionSidecarEip7594;
use alloy::primitives::{Bytes, TxKind};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

use super::fees::Fees;
use crate::kzg::Sidecar;

/// A transaction as pools exchange it, blobs included.
type PooledTransaction = EthereumTxEnvelope<TxEip4844WithSidecar<BlobTransactionSidecarEip7594>>;

/// What is signed besides the fees.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) to: Option<Address>,
    pub(super) calldata: Bytes,
    pub(super) value: U256,
    pub(super) sidecar: Option<Arc<Sidecar>>,
}

/// The key refused, or the template is not a transaction.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The signer failed.
    #[error("the key did not sign: {0}")]
    Signer(String),
    /// A blob transaction has to have a receiver.
    #[error("a blob transaction cannot create a contract")]
    BlobCreation,
}

/// Hash and network bytes of the signed transaction.
pub(super) fn sign(
    signer: &PrivateKeySigner,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    fees: Fees,
    template: Template,
) -> Result<(B256, Bytes), SignError> {
    let Template {
        to,
        calldata,
        value,
        sidecar,
    } = template;
    let (max_fee_per_gas, max_priority_fee_per_gas) = (fees.max_fee, fees.tip.min(fees.max_fee));
    let sign_hash = |hash: B256| {
        signer
            .sign_hash_sync(&hash)
            .map_err(|e| SignError::Signer(e.to_string()))
    };
    let Some(sidecar) = sidecar else {
        let tx = TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value,
            access_list: Default::default(),
            input: calldata,
        };
        let signature = sign_hash(tx.signature_hash())?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        return Ok((*envelope.tx_hash(), envelope.encoded_2718().into()));
    };
    let tx = TxEip4844 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to: to.ok_or(SignError::BlobCreation)?,
        value,
        access_list: Default::default(),
        blob_versioned_hashes: sidecar.versioned_hashes().to_vec(),
        max_fee_per_blob_gas: fees.blob_fee,
        input: calldata,
    };
    let tx = TxEip4844WithSidecar {
        tx,
        sidecar: sidecar.inner.clone(),
    };
    let signature = sign_hash(tx.signature_hash())?;
    let envelope: PooledTransaction = EthereumTxEnvelope::Eip4844(tx.into_signed(signature));
    Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Blob;
    use crate::kzg;
    use alloy::consensus::transaction::SignerRecoverable;

    fn template(sidecar: Option<Arc<Sidecar>>, to: Option<Address>) -> Template {
        Template {
            to,
            calldata: Bytes::new(),
            value: U256::ZERO,
            sidecar,
        }
    }

    #[test]
    fn blob_transactions_carry_wrapper_version_1() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap();
        let sidecar = Arc::new(kzg::sidecar(&[Blob::zero()]).unwrap());
        let fees = Fees {
            max_fee: 5,
            tip: 9,
            blob_fee: 1,
        };
        let (hash, raw) = sign(
            &signer,
            1,
            0,
            21_000,
            fees,
            template(Some(sidecar.clone()), Some(Address::ZERO)),
        )
        .unwrap();
        // Type 3, then the list of (transaction, wrapper version, blobs, commitments, proofs).
        assert_eq!(raw[0], 3);
        let mut rest = &raw[1..];
        let outer = alloy::rlp::Header::decode(&mut rest).unwrap();
        assert!(outer.list && outer.payload_length == rest.len());
        let inner = alloy::rlp::Header::decode(&mut rest).unwrap();
        assert!(inner.list);
        assert_eq!(rest[inner.payload_length], 1, "EIP-7594 wrapper version");
        assert!(raw.len() > 131_072 + 128 * 48);
        let decoded: PooledTransaction = alloy::eips::Decodable2718::decode_2718(&mut raw.as_ref()).unwrap();
        assert_eq!(
            (*decoded.tx_hash(), decoded.recover_signer().unwrap()),
            (hash, signer.address())
        );
        let creation = sign(&signer, 1, 0, 21_000, fees, template(Some(sidecar), None));
        assert!(matches!(creation, Err(SignError::BlobCreation)));
    }

    #[test]
    fn tips_never_exceed_the_fee_cap() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap();
        let fees = Fees {
            max_fee: 5,
            tip: 9,
            blob_fee: 0,
        };
        let (_, raw) = sign(&signer, 1, 7, 21_000, fees, template(None, None)).unwrap();
        let decoded: TxEnvelope = alloy::eips::Decodable2718::decode_2718(&mut raw.as_ref()).unwrap();
        let tx = decoded.as_eip1559().unwrap().tx();
        assert_eq!(
            (tx.nonce, tx.max_priority_fee_per_gas, tx.max_fee_per_gas),
            (7, 5, 5)
        );
        assert!(tx.to.is_create());
    }
}
