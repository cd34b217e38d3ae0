//! Whether a request was meant for this server. While it listens on loopback, a browser on the same machine can be tricked: a foreign
//! name is made to point to 127.0.0.1, and the foreign page then counts as one of ours. So there the `Host` must be a loopback name or
//! that of `server.public_url`; a listed proxy looks after its names itself. A server that listens to the world answers to any name.

use std::net::IpAddr;

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{header::HOST, uri::Authority},
    middleware::Next,
    web::Data,
};

use super::{
    AppState,
    error::{ApiError, Code},
};
use crate::settings::Server;

/// Refuses what was meant for another server.
pub(super) async fn check<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let meant = request.app_data::<Data<AppState>>().is_none_or(|app| is_meant(host, peer, &app.settings.server));
    if meant {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refusal = HttpResponse::from_error(ApiError::from(Code::Misdirected));
    Ok(request.into_response(refusal).map_into_right_body())
}

/// Every browser sends a `Host`: without one it is a program, which cannot be tricked.
fn is_meant(host: Option<&str>, peer: Option<IpAddr>, server: &Server) -> bool {
    let by_proxy = peer.is_some_and(|peer| server.trusted_proxies.contains(&peer));
    if !server.listen.ip().is_loopback() || by_proxy {
        return true;
    }
    host.is_none_or(|host| is_loopback(host) || Some(host) == authority(&server.public_url))
}

fn authority(url: &str) -> Option<&str> {
    url.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'))
}

/// Whether this host, with or without a port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn server(change: impl FnOnce(&mut Server)) -> Server {
        let mut server = Settings::default().server;
        change(&mut server);
        server
    }

    #[test]
    fn a_foreign_name_that_points_to_loopback_is_refused() {
        let server = server(|server| server.public_url = "https://shop.example".into());
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        for own in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "a.localhost", "shop.example"]
        {
            assert!(is_meant(Some(own), peer, &server), "{own}");
        }
        for foreign in
            ["evil.example", "127.0.0.1.evil.example", "shop.example.evil", "10.0.0.1", "localhost@evil", "", "a b"]
        {
            assert!(!is_meant(Some(foreign), peer, &server), "{foreign}");
        }
        assert!(is_meant(None, peer, &server));
    }

    #[test]
    fn proxies_and_servers_of_the_world_look_after_their_names() {
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        let behind_proxy = server(|server| server.trusted_proxies = vec![IpAddr::from([127, 0, 0, 1])]);
        assert!(is_meant(Some("shop.example"), peer, &behind_proxy));
        let open = server(|server| server.listen = ([0, 0, 0, 0], 8080).into());
        assert!(is_meant(Some("shop.example"), peer, &open));
    }
}
