//! Authorities: those of a file, and the public ones, which are Mozilla's. These are built in, so that a machine with an
//! old list or none has a good one; without the feature `roots`, those that the system keeps, because on a router's flash
//! its package has them already. The environment may name another list (`SSL_CERT_FILE`), as it does for most programs.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::{Error, Kind};
use super::tls::describe;
use crate::config::limits;

/// Largest file of authorities: the whole of Mozilla's has 250 KiB.
const CA_BYTES: u64 = limits::UPSTREAM_CA_FILE.default;

/// Variable of the environment that names a list in place of the public one, as OpenSSL has it.
const NAMED: &str = "SSL_CERT_FILE";

/// Those who sign for the public.
///
/// # Errors
/// Where they are not built in: this system has no list, or one that cannot be used.
pub(super) fn public() -> Result<RootCertStore, Error> {
    if let Some(file) = env::var_os(NAMED) {
        return read(NAMED, Path::new(&file)).map_err(|why| Error::new(Kind::Untrusted, why));
    }
    #[cfg(feature = "roots")]
    return Ok(RootCertStore::from_iter(
        webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
    ));
    #[cfg(not(feature = "roots"))]
    system::first_of(&system::FILES.map(Path::new))
}

/// The same for those who only want to know whom the public trusts: nobody, where this system has no list.
pub(crate) fn known() -> RootCertStore {
    public().unwrap_or_else(|_| RootCertStore::empty())
}

/// The authorities in a file; `what` the file is, for messages.
///
/// # Errors
/// Why it cannot be read, or not be used.
pub(crate) fn read(what: &str, file: &Path) -> Result<RootCertStore, String> {
    let error = |why: &dyn fmt::Display| format!("{what} {}: {why}", file.display());
    let mut pem = Vec::new();
    // A device has no length that could be asked for.
    File::open(file)
        .and_then(|file| file.take(CA_BYTES + 1).read_to_end(&mut pem))
        .map_err(|why| error(&why))?;
    if pem.len() as u64 > CA_BYTES {
        return Err(error(&format!("has more than {CA_BYTES} bytes")));
    }
    of_pem(&pem).map_err(|why| error(&why))
}

/// The authorities in a text.
///
/// # Errors
/// Why they cannot be used.
pub(crate) fn of_pem(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|why| format!("not PEM: {why}"))?;
        roots.add(certificate).map_err(|why| describe(&why))?;
    }
    if roots.is_empty() {
        return Err("holds no certificate; expected PEM with BEGIN CERTIFICATE".to_owned());
    }
    Ok(roots)
}

#[cfg(any(test, not(feature = "roots")))]
mod system {
    use std::path::Path;

    use rustls::RootCertStore;

    use super::{Error, Kind};

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
            Some(file) => super::read("the system's list of authorities", file)
                .map_err(|why| Error::new(Kind::Untrusted, why)),
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
