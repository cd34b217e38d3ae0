//! Who is not signed in yet may speak, but one address does not take all the places: a body that never ends holds its place until
//! `server.client_timeout`.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use super::error::{ApiError, ApiResult, Code};

/// Requests of strangers from one address that are worked on at the same time.
const OF_ONE_ADDRESS: usize = 16;

/// The strangers that are served, counted by their address.
#[derive(Debug, Clone)]
pub struct Strangers {
    served: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// Counts as one request of its address until it is dropped.
#[derive(Debug)]
pub struct Served {
    strangers: Strangers,
    address: IpAddr,
}

impl Strangers {
    /// `places` are there in all; one address gets half of them at most.
    pub fn new(places: usize) -> Self {
        Self { served: Arc::default(), most: (places / 2).clamp(1, OF_ONE_ADDRESS) }
    }

    /// Refused where the address has its share already.
    pub fn admit(&self, address: IpAddr) -> ApiResult<Served> {
        let address = network(address);
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let count = served.entry(address).or_default();
        if *count >= self.most {
            return Err(ApiError::from(Code::TooManyRequests).retry_after(2));
        }
        *count += 1;
        Ok(Served { strangers: self.clone(), address })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut served = self.strangers.served.lock().unwrap_or_else(PoisonError::into_inner);
        match served.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => drop(served.remove(&self.address)),
            None => {}
        }
    }
}

/// What one household has: an address of IPv4, or a /64 of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_share_and_leaves_the_rest_to_others() {
        let strangers = Strangers::new(256);
        let admit = |address: &str| strangers.admit(address.parse().unwrap());
        let mut crowd: Vec<Served> = (0..OF_ONE_ADDRESS).map(|_| admit("203.0.113.9").unwrap()).collect();
        assert_eq!(admit("203.0.113.9").unwrap_err().code(), Code::TooManyRequests);
        assert_eq!(admit("::ffff:203.0.113.9").unwrap_err().code(), Code::TooManyRequests);
        assert!(admit("203.0.113.10").is_ok());
        crowd.pop();
        assert!(admit("203.0.113.9").is_ok());
        drop(crowd);
        assert!(strangers.served.lock().unwrap().is_empty(), "nobody is remembered who is gone");
    }

    #[test]
    fn all_addresses_of_a_network_are_one_stranger() {
        let strangers = Strangers::new(2);
        let admit = |address: &str| strangers.admit(address.parse().unwrap());
        let _first = admit("2001:db8:1:2::1").unwrap();
        assert_eq!(admit("2001:db8:1:2:ffff::7").unwrap_err().code(), Code::TooManyRequests);
        assert!(admit("2001:db8:1:3::1").is_ok());
    }
}
