//! Which instance a request is for, by its path.

use agoge_protocol::{B256, Digest};
use jsonrpsee::server::HttpRequest;

/// Before the genesis id in the path of an instance that is asked for by name.
const PREFIX: &str = "/instances/";

/// What a request's path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstancePath {
    /// `/`: the instance that is canonical now.
    Canonical,
    /// `/instances/<genesis id>`, canonical or not.
    Of(Digest),
    /// Anything else.
    Unknown,
}

impl InstancePath {
    fn parse(path: &str) -> Self {
        if path.is_empty() || path == "/" {
            return Self::Canonical;
        }
        let id = path
            .strip_prefix(PREFIX)
            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
            .filter(|id| id.starts_with("0x"))
            .and_then(|id| id.parse::<B256>().ok())
            .and_then(|id| Digest::from_b256(id).ok());
        id.map_or(Self::Unknown, Self::Of)
    }
}

/// Notes the path for the methods.
pub(super) fn note_path<B>(mut request: HttpRequest<B>) -> HttpRequest<B> {
    let path = InstancePath::parse(request.uri().path());
    request.extensions_mut().insert(path);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_genesis_ids_name_an_instance() {
        let one = format!("0x01{}", "00".repeat(31));
        let id = Digest::from_b256(one.parse().unwrap()).unwrap();
        for (path, expected) in [
            ("", InstancePath::Canonical),
            ("/", InstancePath::Canonical),
            (&*format!("/instances/{one}"), InstancePath::Of(id)),
            (&*format!("/instances/{one}/"), InstancePath::Of(id)),
            (&*format!("/instances/{one}/x"), InstancePath::Unknown),
            (&*format!("/instances/{}", &one[2..]), InstancePath::Unknown),
            (
                &*format!("/instances/0x{}", "ff".repeat(32)),
                InstancePath::Unknown,
            ),
            ("/instances/", InstancePath::Unknown),
            ("/x", InstancePath::Unknown),
        ] {
            assert_eq!(InstancePath::parse(path), expected, "{path}");
        }
    }
}
