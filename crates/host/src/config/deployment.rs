//! The deployment file.

use std::path::Path;

use agoge_protocol::{Deployment, NetworkConfig};

use super::DeploymentError;
use super::file::read_bounded;

/// Reads a deployment file and checks that it is the network's.
///
/// # Errors
/// [`DeploymentError`].
pub fn load_deployment(path: &Path, network: &NetworkConfig) -> Result<Deployment, DeploymentError> {
    let text = read_bounded(path).map_err(|source| DeploymentError::Read {
        path: path.to_owned(),
        source,
    })?;
    let deployment: Deployment = serde_json::from_str(&text).map_err(|source| DeploymentError::Syntax {
        path: path.to_owned(),
        source,
    })?;
    let expected = &network.network;
    if deployment.chain_id != expected.chain_id {
        return Err(DeploymentError::WrongChain {
            path: path.to_owned(),
            expected: expected.chain_id,
            found: deployment.chain_id,
        });
    }
    if deployment.network != expected.name {
        return Err(DeploymentError::WrongNetwork {
            path: path.to_owned(),
            expected: expected.name.clone(),
            found: deployment.network,
        });
    }
    Ok(deployment)
}
