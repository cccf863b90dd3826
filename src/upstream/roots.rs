//! The public authorities: Mozilla's. Built in, so that a machine with an old list or none has a good one; without the
//! feature `roots`, those that the system keeps, because on a router's flash its package has them already.

use rustls::RootCertStore;

use super::error::Error;

/// Those who sign for the public.
///
/// # Errors
/// Where they are not built in: this system has no list, or one that cannot be used.
pub(super) fn public() -> Result<RootCertStore, Error> {
    #[cfg(feature = "roots")]
    return Ok(RootCertStore::from_iter(
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
    ));
    #[cfg(not(feature = "roots"))]
    system::first_of(&system::FILES.map(std::path::Path::new))
}

/// The same for those who only want to know whom the public trusts: nobody, where this system has no list.
pub(crate) fn known() -> RootCertStore {
    public().unwrap_or_else(|_| RootCertStore::empty())
}

#[cfg(any(test, not(feature = "roots")))]
mod system {
    use std::path::Path;

    use rustls::RootCertStore;

    use crate::upstream::error::{Error, Kind};
    use crate::upstream::tls::read_roots;

    /// Where systems keep them: OpenWrt, Debian and Alpine; OpenWrt again; Fedora; openSUSE.
    #[cfg(not(feature = "roots"))]
    pub(super) const FILES: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
    ];

    pub(super) fn first_of(files: &[&Path]) -> Result<RootCertStore, Error> {
        match files.iter().find(|file| file.exists()) {
            Some(file) => read_roots("the system's list of authorities", file),
            None => Err(Error::new(
                Kind::Untrusted,
                "this system has no list of public authorities; install ca-bundle (OpenWrt) or ca-certificates, or name \
                 the server's authority with `ca_file` or its key with `pin_sha256`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::system::first_of;

    #[test]
    fn a_system_without_a_list_is_told_how_to_come_by_one() {
        let error = first_of(&[Path::new("/nonexistent/list.pem")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this system has no list of public authorities; install ca-bundle (OpenWrt) or ca-certificates, or name the \
             server's authority with `ca_file` or its key with `pin_sha256`"
        );
    }

    #[test]
    fn the_first_list_that_there_is_counts_and_names_itself_where_it_is_none() {
        let file = std::env::temp_dir().join(format!("hearthdns-roots-{}.pem", std::process::id()));
        std::fs::write(&file, "nothing\n").unwrap();
        let error = first_of(&[Path::new("/nonexistent/list.pem"), &file]).unwrap_err();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            error.to_string(),
            format!(
                "the system's list of authorities {}: holds no certificate; expected PEM with BEGIN CERTIFICATE",
                file.display()
            )
        );
    }
}
