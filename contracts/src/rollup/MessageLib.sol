// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Quote} from "@agoge/proving/IProverBonds.sol";
import {Slot} from "@agoge/time/TimeLib.sol";

/// @title MessageLib
/// @notice Every message that Agoge's keys sign (docs/protocol.md, section 11): EIP-712 types, struct hashes, domains.
library MessageLib {
    string internal constant DOMAIN_NAME = "Agoge";
    string internal constant DOMAIN_VERSION = "1";

    bytes32 internal constant DOMAIN_TYPE_HASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant PROPOSAL_TYPE_HASH =
        keccak256("Proposal(bytes32 genesisId,uint256 slot,bytes32 blockHash,bytes32 bodyHash)");
    bytes32 internal constant ATTESTATION_TYPE_HASH =
        keccak256("Attestation(bytes32 genesisId,uint256 slot,bytes32 blockHash)");
    bytes32 internal constant PUBLICATION_TYPE_HASH = keccak256(
        "Publication(bytes32 genesisId,uint256 slot,bytes32 blockHash,bytes32 attestationsHash,bytes32 quoteDigest,address payload,bytes32 actionsHash)"
    );
    bytes32 internal constant PROOF_OF_POSSESSION_TYPE_HASH =
        keccak256("ProofOfPossession(address attester,address withdrawer,uint256 nonce)");

    bytes32 internal constant QUOTE_TYPE_HASH = keccak256(
        "Quote(address instance,uint256 epoch,bytes32 endArchive,uint256 validUntilSlot,uint256 bondAmount,address prover,uint256 basisPointFee,uint256 nonce)"
    );
    bytes32 internal constant CLAIM_TYPE_HASH = keccak256("Claim(address instance,uint256 slot,bytes32 quoteDigest)");
    bytes32 internal constant SIGNAL_TYPE_HASH =
        keccak256("Signal(address instance,uint256 slot,address payload,bytes32 actionsHash)");

    /// @notice The domain of a contract that verifies, on this chain.
    function domainSeparator(address _verifyingContract) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPE_HASH,
                keccak256(bytes(DOMAIN_NAME)),
                keccak256(bytes(DOMAIN_VERSION)),
                block.chainid,
                _verifyingContract
            )
        );
    }

    /// @notice Struct hash of the message by which a proposer offers a block to the committee.
    function proposalHash(bytes32 _genesisId, Slot _slot, bytes32 _blockHash, bytes32 _bodyHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PROPOSAL_TYPE_HASH, _genesisId, _slot, _blockHash, _bodyHash));
    }

    /// @notice Struct hash of a committee member's attestation of a block.
    function attestationHash(bytes32 _genesisId, Slot _slot, bytes32 _blockHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(ATTESTATION_TYPE_HASH, _genesisId, _slot, _blockHash));
    }

    /// @notice Struct hash of the message by which a proposer binds every byte of a publication.
    function publicationHash(
        bytes32 _genesisId,
        Slot _slot,
        bytes32 _blockHash,
        bytes32 _attestationsHash,
        bytes32 _quoteDigest,
        address _payload,
        bytes32 _actionsHash
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                PUBLICATION_TYPE_HASH,
                _genesisId,
                _slot,
                _blockHash,
                _attestationsHash,
                _quoteDigest,
                _payload,
                _actionsHash
            )
        );
    }

    /// @notice Struct hash of an attester key's consent to be staked for a withdrawer.
    function proofOfPossessionHash(address _attester, address _withdrawer, uint256 _nonce)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PROOF_OF_POSSESSION_TYPE_HASH, _attester, _withdrawer, _nonce));
    }

    /// @notice Struct hash of a prover's offer to prove an epoch.
    function quoteHash(Quote memory _quote) internal pure returns (bytes32) {
        return keccak256(abi.encode(QUOTE_TYPE_HASH, _quote));
    }

    /// @notice Struct hash of the message by which a slot's proposer claims an epoch for a quote.
    function claimHash(address _instance, Slot _slot, bytes32 _quoteDigest) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLAIM_TYPE_HASH, _instance, _slot, _quoteDigest));
    }

    /// @notice Struct hash of the message by which a slot's proposer supports a payload.
    function signalHash(address _instance, Slot _slot, address _payload, bytes32 _actionsHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(SIGNAL_TYPE_HASH, _instance, _slot, _payload, _actionsHash));
    }
}
