//! `init`: a commented `node.toml`, made from the same flags that it stands for.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, CommandFactory as _};

use super::{Cli, CliError, Exit, Invocation, report};
use crate::config::{CONFIG_FILE_NAME, Entry, KEYS};
use crate::keys::{KeyError, PermissionError, create_private_dir, write_private_file};

/// Flags of `init`. What configuration flags and variables say is written into the file.
#[derive(Clone, Debug, Args)]
pub(super) struct InitArgs {
    /// Replace an existing file; it is kept as node.toml.old.
    #[arg(long)]
    force: bool,
}

pub(super) fn init(invocation: &Invocation, args: &InitArgs) -> Result<Exit, CliError> {
    // The file that is about to be replaced must not colour the new one.
    let mut config = invocation.config.clone();
    let data_dir = match (&config.data_dir, &config.network) {
        (Some(dir), _) => dir.clone(),
        (None, Some(network)) => crate::config::default_data_dir(network),
        (None, None) => {
            return Err(
                CliError::new(Exit::Usage, "AGOGE-CFG-008", "`network` is not set")
                    .with_hint("agoge-node init --network NAME"),
            );
        }
    };
    let path = config
        .config
        .take()
        .unwrap_or_else(|| data_dir.join(CONFIG_FILE_NAME));
    let entries = crate::config::Resolved::without_file(config, &invocation.matches)?.entries;
    let text = file_text(&entries, &invocation.matches);
    let permission = |error: PermissionError| CliError::from(KeyError::from(error));
    create_private_dir(&data_dir).map_err(permission)?;
    match std::fs::read_to_string(&path) {
        Ok(old) if old == text => report::tell(&format!("{} is up to date", path.display())),
        Ok(old) if !args.force => {
            report::tell(&difference(&old, &text));
            let message = format!("{} exists and differs; nothing was written", path.display());
            return Err(CliError::new(Exit::Precondition, "AGOGE-CFG-010", message)
                .with_hint("--force replaces it and keeps the old one as node.toml.old"));
        }
        Ok(old) => {
            report::tell(&difference(&old, &text));
            replace(&path, &text).map_err(|source| {
                permission(PermissionError::Io {
                    path: path.clone(),
                    source,
                })
            })?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_private_file(&path, text.as_bytes()).map_err(permission)?;
        }
        Err(source) => return Err(permission(PermissionError::Io { path, source })),
    }
    report::data(
        invocation.json,
        "init",
        &serde_json::json!({ "path": path }),
        || format!("{}\n", path.display()),
    );
    Ok(Exit::Ok)
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::rename(path, path.with_extension("toml.old"))?;
    write_private_file(path, text.as_bytes()).map_err(std::io::Error::other)
}

/// Every key with its help as comment; those given as flag or variable are set, the others show their default.
fn file_text(entries: &[Entry], matches: &ArgMatches) -> String {
    let command = Cli::command();
    let mut text =
        String::from("# Configuration of agoge-node. Flags and environment variables win over this file.\n");
    let mut section = "";
    for key in KEYS {
        let (key_section, name) = key.split_once('.').unwrap_or(("", key));
        if key_section != section {
            section = key_section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        let id = key.replace('.', "_");
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == id.as_str()) else {
            continue;
        };
        text.push_str(&format!(
            "# {}\n",
            arg.get_help().map(ToString::to_string).unwrap_or_default()
        ));
        let source = matches.value_source(&id);
        if matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
            let values: Vec<String> = matches
                .get_raw(&id)
                .into_iter()
                .flatten()
                .map(|v| v.to_string_lossy().into_owned())
                .collect();
            text.push_str(&format!("{name} = {}\n", toml_value(arg, &values)));
        } else {
            let default = entries
                .iter()
                .find(|entry| entry.key == key)
                .map_or("", |entry| entry.value.as_str());
            text.push_str(&format!("# {name} = {default}\n"));
        }
    }
    text
}

fn toml_value(arg: &Arg, values: &[String]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    if arg.get_value_delimiter().is_some() {
        let items: Vec<String> = values
            .iter()
            .flat_map(|v| v.split(','))
            .filter(|v| !v.is_empty())
            .map(quoted)
            .collect();
        return format!("[{}]", items.join(", "));
    }
    let value = values.first().map_or("", String::as_str);
    let names_path = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .any(|name| matches!(name.as_str(), "FILE" | "DIR"));
    if names_path && value != "-" {
        // The file's relative paths count from its own directory, a flag's from where the command runs.
        let path = std::path::absolute(value).unwrap_or_else(|_| value.into());
        return quoted(&path.to_string_lossy());
    }
    if value.parse::<u64>().is_ok() || value.parse::<bool>().is_ok() {
        value.to_owned()
    } else {
        quoted(value)
    }
}

/// Lines that go and lines that come; short of a real diff, but enough to decide.
fn difference(old: &str, new: &str) -> String {
    let only = |sign: char, of: &str, other: &str| -> Vec<String> {
        let only = of.lines().filter(|line| !other.lines().any(|o| o == *line));
        only.map(|line| format!("{sign} {}", without_urls(line)))
            .collect()
    };
    let mut lines = only('-', old, new);
    lines.extend(only('+', new, old));
    lines.join("\n")
}

/// URLs may hold API keys, and what is shown on a terminal ends in bug reports.
fn without_urls(line: &str) -> String {
    match line.split_once("://") {
        Some((before, _)) => format!("{before}://…"),
        None => line.to_owned(),
    }
}
