//! That contracts are where others name them, and what there is no plan for.

use agoge_protocol::network::built_in;

use super::*;

fn network(name: &str) -> NetworkConfig {
    NetworkConfig::parse(built_in(name).unwrap()).unwrap()
}

fn choices(verifier: Verifier) -> NetworkChoices {
    NetworkChoices {
        verifier,
        genesis_time: 1_000,
        allow_list_admin: Address::repeat_byte(9),
    }
}

#[test]
fn every_contract_is_where_the_others_name_it() {
    let deployer = Address::repeat_byte(7);
    let plan = Plan::network(&network("devnet"), &choices(Verifier::Test), deployer, 5).unwrap();
    assert_eq!(plan.creations.len(), 9);
    for (place, creation) in plan.creations.iter().enumerate() {
        assert_eq!(
            creation.address,
            deployer.create(5 + place as u64),
            "{}",
            creation.name
        );
    }
    let place = |name: &str| plan.creations.iter().position(|c| c.name == name).unwrap() as u64;
    assert_eq!(
        (place("Rollup"), place("Timelock"), place("Governance")),
        (ROLLUP, TIMELOCK, GOVERNANCE)
    );
    let named = |name: &str, named: &str| {
        let arguments = &plan.creations[usize::try_from(place(name)).unwrap()].arguments;
        let address = deployer.create(5 + place(named)).into_word();
        arguments.chunks(32).any(|word| word == address.as_slice())
    };
    for (name, other) in [
        ("Registry", "Rollup"),
        ("Registry", "Timelock"),
        ("Staking", "Timelock"),
        ("ProverBonds", "Timelock"),
        ("GovernanceProposer", "Governance"),
        ("Rollup", "GovernanceProposer"),
        ("Timelock", "Governance"),
        ("Governance", "Timelock"),
    ] {
        assert!(named(name, other), "{name} names {other}");
    }
}

#[test]
fn the_test_verifier_stays_on_anvil() {
    let plan = Plan::network(&network("phase4"), &choices(Verifier::Test), Address::ZERO, 0);
    assert!(matches!(
        plan,
        Err(NotDeployable::TestVerifier { chain_id: 11_155_111 })
    ));
    assert!(Plan::network(&network("phase4"), &choices(Verifier::Real), Address::ZERO, 0).is_ok());
}

#[test]
fn only_versions_of_this_build_exist() {
    assert!(creation_code("Rollup", 3, Verifier::Real).is_none());
    assert_ne!(
        creation_code("Rollup", 1, Verifier::Real),
        creation_code("Rollup", 2, Verifier::Real)
    );
}
