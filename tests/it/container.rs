//! The files that make a container, as far as they can be judged without one.

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path};

use yutang::settings::Settings;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The name of every environment variable of ours in a text.
fn variables(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("YUTANG__"));
    words.map(str::to_owned).collect()
}

/// S35: what the files say one can set can be set.
#[test]
fn s35_every_documented_variable_is_a_setting() {
    let settings = Settings::default().masked();
    let known: BTreeSet<String> =
        settings.iter().map(|(key, _)| format!("YUTANG__{}", key.to_uppercase().replace('.', "__"))).collect();
    for name in ["compose.yaml", "Dockerfile", "README.md", "src/default.toml"] {
        let named = variables(&file(name));
        assert!(!named.is_empty(), "{name} names none: is this test blind?");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{name} names {unknown:?}, which are no settings");
    }
}

/// S34: nobody is root in the container, and no folder is everybody's.
#[test]
fn s34_the_container_runs_unprivileged() {
    let dockerfile = file("Dockerfile");
    let users: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    assert_eq!(users, ["10001:10001"]);
    let after = dockerfile.rsplit("USER 10001:10001").next().unwrap();
    assert!(!after.contains("\nRUN ") && after.contains("\nENTRYPOINT "), "nothing is done as root after all");
    assert!(!dockerfile.contains("777") && !dockerfile.contains("ADD http"), "{dockerfile}");
    let compose = file("compose.yaml");
    for line in ["read_only: true", "- ALL", "- no-new-privileges:true"] {
        assert!(compose.lines().any(|found| found.trim() == line), "{line} is missing");
    }
    assert!(!compose.contains("privileged: true") && !compose.contains("user: root"), "{compose}");
}

#[test]
fn the_container_has_a_health_check_and_is_reached_from_this_machine_alone() {
    assert!(file("Dockerfile").contains("CMD [\"yutang\", \"health\"]"));
    let compose = file("compose.yaml");
    assert!(compose.contains("test: [CMD, yutang, health]"), "{compose}");
    let ports: Vec<&str> = compose.lines().map(str::trim).filter(|line| line.contains(":8080\"")).collect();
    assert_eq!(ports, ["- \"127.0.0.1:8080:8080\""]);
}

/// A proxy on the host is seen as the gateway of the container's network: without this, every client had the gateway's address.
#[test]
fn in_the_container_the_gateway_is_the_trusted_proxy() {
    let compose = file("compose.yaml");
    let value = |name: &str| compose.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim).unwrap();
    let gateway: IpAddr = value("gateway:").parse().unwrap();
    assert_eq!(value("YUTANG__SERVER__TRUSTED_PROXIES:"), gateway.to_string());
    let of_network = value("- subnet:").strip_suffix("0/24").unwrap();
    assert!(gateway.to_string().starts_with(of_network), "{gateway} is not of {of_network}0/24");
}

/// The build sees what it needs, and no data, key or earlier build.
#[test]
fn nothing_of_this_machine_gets_into_the_image() {
    let ignored = file(".dockerignore");
    for line in ["target", "data", ".git", "**/*.db", "**/key", "**/.env"] {
        assert!(ignored.lines().any(|found| found == line), "{line} is missing");
    }
}
