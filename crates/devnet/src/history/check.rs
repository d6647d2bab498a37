//! Gathers the evidence that a manifest names and runs every check over it.

use std::collections::BTreeSet;
use std::path::Path;

use agoge_protocol::{Address, Deployment, Digest, TxId};
use eyre::{Context, Result, eyre};

use super::checks::chain::Committees;
use super::checks::{bonds, chain, equivocation, logs, resources, roots, transactions, value};
use super::evidence::l1::{L1, L1Facts, RollupFacts};
use super::evidence::load::{self, Load};
use super::evidence::logs::Search;
use super::evidence::nodes::{self, NodesFacts};
use super::evidence::signatures::{self, Context as Propose};
use super::evidence::wire::{self, Heard, Instance};
use super::evidence::{self, secrets};
use super::finding::{Finding, Verdict};
use super::manifest::Manifest;
use super::replay::Chain;
use super::report::Report;
use super::sampler::Sample;

/// Looks at nodes and L1 until both were looked at while they stood on the same chain.
const LOOKS: u32 = 3;

/// What is still in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Lines of level ERROR that a process may log in a minute.
    pub errors_per_minute: u64,
    /// Growth of processes.
    pub resources: resources::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            errors_per_minute: 60,
            resources: resources::Limits::default(),
        }
    }
}

/// What L1 and the nodes say, from one look.
struct Look {
    l1: Result<L1Facts, String>,
    /// In the order of the instances.
    nodes: Vec<(Instance, NodesFacts)>,
}

/// Checks a run. Nodes and L1 are asked if they still answer.
pub async fn check(manifest: &Manifest, limits: Limits) -> Report {
    let load = manifest
        .load
        .as_ref()
        .map(|file| load::read(&manifest.path(file)).map_err(|error| error.to_string()));
    let accepted: Vec<TxId> = match &load {
        Some(Ok(load)) => load.accepted.keys().copied().collect(),
        _ => Vec::new(),
    };
    let mut look = look(manifest, &accepted).await;
    let mut of_chain = of_chain(&look);
    for _ in 1..LOOKS {
        // A block that L1 replaced between two questions is no finding: it is gone at the next look. What is wrong stays.
        if of_chain.iter().all(|finding| finding.verdict != Verdict::Fail) {
            break;
        }
        look = self::look(manifest, &accepted).await;
        of_chain = self::of_chain(&look);
    }
    let mut findings = vec![equivocations(manifest, &look)];
    findings.extend(of_chain);
    findings.insert(3, transactions(load.as_ref(), &look));
    findings.push(logs(manifest, limits.errors_per_minute));
    findings.push(resources(manifest, limits.resources));
    Report::new(manifest.dir.display().to_string(), findings)
}

async fn look(manifest: &Manifest, txs: &[TxId]) -> Look {
    let urls: Vec<(String, String)> = manifest
        .nodes
        .iter()
        .filter_map(|node| Some((node.name.clone(), node.rpc_url.clone()?)))
        .collect();
    match look_at_l1(manifest, &urls, txs).await {
        Ok((l1, nodes)) => Look { l1: Ok(l1), nodes },
        Err(error) => {
            let mut nodes = Vec::new();
            for instance in deployed(manifest).unwrap_or_default() {
                nodes.push((instance, nodes::gather(&urls, instance, txs).await));
            }
            Look {
                l1: Err(format!("{error:#}")),
                nodes,
            }
        }
    }
}

/// Nodes first, so that L1 has seen what they have.
async fn look_at_l1(
    manifest: &Manifest,
    urls: &[(String, String)],
    txs: &[TxId],
) -> Result<(L1Facts, Vec<(Instance, NodesFacts)>)> {
    let url = manifest
        .l1_url
        .as_deref()
        .ok_or_else(|| eyre!("the run names no l1_url"))?;
    let l1 = L1::connect(url, deployment(manifest)?).await?;
    for _ in 0..LOOKS {
        let instances = l1.instances().await?;
        let (mut all, mut payees) = (Vec::new(), BTreeSet::new());
        for instance in &instances {
            let nodes = nodes::gather(urls, *instance, txs).await;
            payees.extend(value::withdrawers(&nodes.effects));
            all.push((*instance, nodes));
        }
        let head = l1.head().await?;
        let facts = l1.gather(head, &instances, &payees).await;
        match facts {
            Ok(facts) if l1.has(head).await? => return Ok((facts, all)),
            Err(error) if l1.has(head).await? => return Err(error),
            // L1 has replaced the block meanwhile.
            _ => {}
        }
    }
    Err(eyre!("L1 reorganises faster than it can be read"))
}

fn deployment(manifest: &Manifest) -> Result<Deployment> {
    let file = manifest.deployment.as_deref();
    let file = manifest.path(file.ok_or_else(|| eyre!("the run names no deployment file"))?);
    let named = || file.display().to_string();
    let text = std::fs::read_to_string(&file).wrap_err_with(named)?;
    serde_json::from_str(&text).wrap_err_with(named)
}

/// Instances as the deployment file has them, for a run whose L1 is gone.
fn deployed(manifest: &Manifest) -> Result<Vec<Instance>> {
    let deployment = deployment(manifest)?;
    let mut all = Vec::new();
    for contract in deployment
        .contracts
        .iter()
        .filter(|contract| contract.name == "Rollup")
    {
        let number = contract.instance.unwrap_or(1);
        let index = usize::try_from(number.saturating_sub(1))?;
        if let Some(genesis_id) = deployment.genesis_ids.get(index) {
            all.push(Instance {
                number,
                chain_id: deployment.chain_id,
                rollup: contract.address,
                genesis_id: Digest::from_b256(*genesis_id)?,
            });
        }
    }
    Ok(all)
}

/// The checks of L1 and nodes, in the order of the report: chain, roots, value, bonds.
fn of_chain(look: &Look) -> Vec<Finding> {
    let mut roots = Finding::new(roots::NAME);
    let facts = match &look.l1 {
        Ok(facts) => facts,
        Err(why) => {
            for (instance, nodes) in &look.nodes {
                roots::check(&mut roots, instance.number, nodes, None);
            }
            roots.missing(why);
            return vec![
                Finding::without_evidence(chain::NAME, why),
                roots,
                Finding::without_evidence(value::NAME, why),
                Finding::without_evidence(bonds::NAME, why),
            ];
        }
    };
    let (mut chain, mut value) = (Finding::new(chain::NAME), Finding::new(value::NAME));
    let mut bonds = Finding::new(bonds::NAME);
    bonds::check(&mut bonds, &facts.bonds);
    for (rollup, (instance, nodes)) in facts.rollups.iter().zip(&look.nodes) {
        let replayed = Chain::replay(rollup.genesis_archive, &rollup.events);
        let committees = Committees::draw(rollup, &facts.blocks);
        chain::check(&mut chain, rollup, &replayed, &committees, &facts.blocks);
        roots::check(&mut roots, instance.number, nodes, Some(&replayed));
        value::check(&mut value, rollup, &replayed, &facts.bonds, &nodes.effects);
    }
    vec![chain, roots, value, bonds]
}

fn equivocations(manifest: &Manifest, look: &Look) -> Finding {
    let mut finding = Finding::new(equivocation::NAME);
    let mut words = equivocation::Words::default();
    for node in &manifest.nodes {
        if node.wire.is_empty() {
            finding.missing(format!("{} has no wire record", node.name));
        }
        for file in &node.wire {
            for record in wire::records(&manifest.path(file), node.attesters.as_deref()) {
                read_wire(&mut finding, &mut words, &record, look);
            }
        }
    }
    match &look.l1 {
        Ok(facts) => {
            for rollup in &facts.rollups {
                read_proposes(&mut finding, &mut words, facts, rollup);
            }
            read_signals(&mut words, facts);
        }
        Err(why) => finding.missing(format!("publications and signals: {why}")),
    }
    if words.is_empty() {
        finding.missing("nothing that an attester signed was seen");
    }
    words.judge(&mut finding);
    finding
}

fn read_wire(finding: &mut Finding, words: &mut equivocation::Words, record: &wire::Record, look: &Look) {
    let instance = look
        .nodes
        .iter()
        .map(|(instance, _)| *instance)
        .find(|instance| instance.number == record.instance);
    finding.count("records");
    let read = wire::read(record, instance, |heard| match heard {
        Heard::Other => {}
        Heard::Nobody => finding.count("signed_by_nobody"),
        Heard::Word(kind, signed) => words.hear(kind, signed),
        Heard::Contradiction(what) => finding.violated(what),
    });
    match read {
        Ok(0) => {}
        Ok(torn) => {
            let before = finding.figures.get("torn_lines").copied().unwrap_or(0);
            finding.figure("torn_lines", before.saturating_add(torn));
        }
        Err(error) => finding.missing(format!("{}: {error}", record.path.display())),
    }
}

/// Signatures in the calls of a Rollup, each judged on the chain as it was before the call.
fn read_proposes(
    finding: &mut Finding,
    words: &mut equivocation::Words,
    facts: &L1Facts,
    rollup: &RollupFacts,
) {
    let committees = Committees::draw(rollup, &facts.blocks);
    let whole = Chain::replay(rollup.genesis_archive, &rollup.events);
    let mut chain = Chain::new(rollup.genesis_archive);
    let mut events = rollup.events.iter().peekable();
    for call in facts
        .calls
        .iter()
        .filter(|call| call.to == rollup.instance.rollup)
    {
        let is_before = |event: &&_| before(event, call);
        while let Some(event) = events.next_if(is_before) {
            chain.apply(event);
        }
        // A prune that is due runs first, so the block may stand on the last proven one.
        let parents: Vec<_> = [chain.tip(), chain.proven]
            .into_iter()
            .filter_map(|number| chain.archive(number))
            .collect();
        let context = Propose {
            instance: rollup.instance,
            parents: &parents,
            inbox_hash: &|count| whole.inbox_hash(count),
            committee: &|slot| committees.of_slot(rollup, slot),
        };
        match signatures::in_propose(call, context) {
            Some(all) => all
                .into_iter()
                .for_each(|(kind, signed)| words.hear(kind, signed)),
            None => finding.count("other_calls"),
        }
    }
}

fn before<E>(event: &super::evidence::l1::Placed<E>, call: &super::evidence::l1::Call) -> bool {
    (event.l1_block, event.tx_index) < (call.l1_block, call.tx_index)
}

fn read_signals(words: &mut equivocation::Words, facts: &L1Facts) {
    let number_of = |address: Address| {
        let listed = facts.rollups.iter().map(|rollup| rollup.instance);
        let found = listed.into_iter().find(|instance| instance.rollup == address);
        found.map(|instance| instance.number)
    };
    let chain_id = facts.rollups.first().map_or(0, |rollup| rollup.instance.chain_id);
    for call in facts
        .calls
        .iter()
        .filter(|call| call.to == facts.governance_proposer)
    {
        if let Some((kind, signed)) = signatures::in_signal(call, chain_id, number_of) {
            words.hear(kind, signed);
        }
    }
}

fn transactions(load: Option<&Result<Load, String>>, look: &Look) -> Finding {
    let mut finding = Finding::new(transactions::NAME);
    for (instance, nodes) in &look.nodes {
        if nodes.chains.is_empty() {
            finding.missing(format!("instance {}: no node answered", instance.number));
        }
        transactions::check_blocks(&mut finding, instance.number, &nodes.effects);
    }
    // The load pays within the first instance.
    let first = NodesFacts::default();
    let first = look.nodes.first().map_or(&first, |(_, nodes)| nodes);
    match load {
        Some(Ok(load)) => transactions::check_load(&mut finding, load, first),
        Some(Err(error)) => finding.missing(format!("the load's record: {error}")),
        None => finding.missing("the run has no record of a load"),
    }
    finding
}

fn logs(manifest: &Manifest, errors_per_minute: u64) -> Finding {
    let mut finding = Finding::new(logs::NAME);
    let secrets = secrets::read(&manifest.dir).unwrap_or_else(|error| {
        finding.missing(format!("{}: {error}", manifest.dir.display()));
        secrets::Secrets::default()
    });
    finding.figure("secrets", u64::try_from(secrets.all.len()).unwrap_or(u64::MAX));
    for closed in &secrets.closed {
        finding.missing(closed);
    }
    if secrets.all.is_empty() {
        finding.missing("no key, token or password was found that could be searched for");
    }
    let search = match Search::new(&secrets.all, &manifest.dir) {
        Ok(search) => search,
        Err(error) => {
            finding.missing(error.to_string());
            return finding;
        }
    };
    let mut all = Vec::new();
    for (name, path) in manifest.logs() {
        match evidence::logs::read(&name, &path, &search) {
            Ok(log) => all.push(log),
            Err(error) => finding.missing(format!("{}: {error}", path.display())),
        }
    }
    logs::check(&mut finding, &all, errors_per_minute);
    finding
}

fn resources(manifest: &Manifest, limits: resources::Limits) -> Finding {
    let Some(file) = &manifest.resources else {
        return Finding::without_evidence(resources::NAME, "the run was not sampled");
    };
    let mut finding = Finding::new(resources::NAME);
    match samples(&manifest.path(file)) {
        Ok(samples) => resources::check(&mut finding, &samples, limits),
        Err(error) => finding.missing(error.to_string()),
    }
    finding
}

fn samples(path: &Path) -> std::io::Result<Vec<Sample>> {
    let mut all = Vec::new();
    evidence::json_lines(path, |_, sample| all.push(sample))?;
    Ok(all)
}
