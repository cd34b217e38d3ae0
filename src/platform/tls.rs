//! TLS as our clients speak it: the roots of the web, and HTTP/1.1.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// For one client; connections of it may share what they negotiated.
pub fn config() -> Arc<ClientConfig> {
    let provider = ring::default_provider();
    // An error only says that it is installed already. `Connector::new` wants a process-wide provider.
    let _ = provider.clone().install_default();
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    #[expect(
        clippy::unwrap_used,
        reason = "ring supports both default versions: only a provider without their suites fails here"
    )]
    let versions =
        ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions().unwrap();
    let mut config = versions.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
