//! The certificate of the encrypted listeners while the daemon runs: made where it is ours to make, renewed, taken
//! from its files, and told of.
//!
//! Nothing is timed by a countdown: every minute it is looked at the clock and at what the certificate should be
//! for, and what is due is done ([`crate::certificate::plan`]). What cannot be done is logged once, and shown by
//! `dnsctl certificate` as long as it lasts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{error, info, warn};

#[cfg(feature = "acme")]
use super::acme::Clerk;
use super::desk::Desk;
use crate::certificate::own::{self, Ask, Standing, Wanted};
use crate::certificate::plan;
use crate::certificate::read::{Facts, Permitted};
use crate::config::{AcmeChallenge, CertificateConfig, Config};
use crate::control::types::{Authority, CertificateStatus, Code, DefectText, Failure};
use crate::message::Name;
use crate::onboard::Trust;
use crate::serve::tls::{Certificate, CertificateError, over};
use crate::zone::master::civil::write_time;

/// Keeps a certificate.
pub(super) struct Keeper {
    certificate: Arc<Certificate>,
    source: CertificateConfig,
    folder: PathBuf,
    name: Option<String>,
    standing: Mutex<Standing>,
    #[cfg(feature = "acme")]
    clerk: Option<Clerk>,
}

impl Keeper {
    /// Makes what is missing, reads what is there, and says what is wrong with it.
    /// `now`, here and below, is Unix time in seconds.
    pub(super) fn start(config: &Config, zones: &[Name], addresses: &[IpAddr], now: u64) -> Option<Self> {
        let keeper = Self::new(config)?;
        keeper.tend(zones, addresses, Ask::Nothing, now);
        if let Err(error) = keeper.certificate.reload(now) {
            // What hinders us from making it is said already, or will be.
            if keeper.standing().problem.is_none() && !keeper.is_awaited() {
                error!("{error}; encrypted listeners refuse everybody until it is mended, plain ones answer");
            }
        }
        keeper.warn(now);
        Some(keeper)
    }

    /// What is wrong with the files of the configuration, where they are there; makes nothing.
    pub(super) fn check(config: &Config, now: u64) -> Option<String> {
        let keeper = Self::new(config)?;
        if keeper.is_awaited() {
            return None;
        }
        let error = keeper.certificate.reload(now).err();
        keeper.warn(now);
        error.map(|error| error.to_string())
    }

    fn new(config: &Config) -> Option<Self> {
        let files = config.certificate_files()?;
        let source = config.certificate.clone()?;
        let mut certificate = Certificate::new(&files);
        if let CertificateConfig::Acme(acme) = &source
            && acme.challenge == AcmeChallenge::TlsAlpn
        {
            certificate = certificate.with_handshake_proofs();
        }
        let certificate = Arc::new(certificate);
        Some(Keeper {
            #[cfg(feature = "acme")]
            clerk: match &source {
                CertificateConfig::Acme(acme) => Some(Clerk::new(config, acme, &certificate)),
                _ => None,
            },
            certificate,
            source,
            folder: config.certificate_folder(),
            name: config.name.as_ref().map(text_of),
            standing: Mutex::default(),
        })
    }

    /// Whether it is ours to make, and was not made yet.
    fn is_awaited(&self) -> bool {
        !matches!(self.source, CertificateConfig::Files(_)) && !self.certificate.chain().exists()
    }

    /// What listeners show.
    pub(super) fn certificate(&self) -> &Arc<Certificate> {
        &self.certificate
    }

    /// Who vouches for it.
    pub(super) fn trust(&self) -> Trust {
        self.certificate.trust(self.standing().authority.as_deref())
    }

    /// Does what is due, and takes files that have changed. `zones`: the domains at hand; `addresses`: where devices
    /// reach us.
    pub(super) fn look(&self, zones: &[Name], addresses: &[IpAddr], now: u64) {
        self.tend(zones, addresses, Ask::Nothing, now);
        let _ = self.say(self.certificate.reload_if_changed(now), now);
    }

    /// Reads the files again, whether they have changed or not.
    pub(super) fn reload(&self, now: u64) -> Result<(), CertificateError> {
        if self.is_awaited() {
            return Ok(());
        }
        self.say(self.certificate.reload(now).map(|()| true), now)
            .map(|_| ())
    }

    /// Makes a new certificate now.
    pub(super) fn renew(
        &self,
        zones: &[Name],
        addresses: &[IpAddr],
        now: u64,
    ) -> Result<CertificateStatus, Failure> {
        if let CertificateConfig::Files(files) = &self.source {
            let message = format!(
                "whoever writes {} renews the certificate; `dnsctl reload` reads it again",
                files.chain.display()
            );
            return Err(Failure::new(Code::Unavailable, message));
        }
        #[cfg(feature = "acme")]
        if let Some(clerk) = &self.clerk {
            clerk.ask();
            return Ok(self.status(now));
        }
        self.make(zones, addresses, Ask::Certificate, now)?;
        Ok(self.status(now))
    }

    /// Attends to orders, where a public authority signs.
    #[cfg_attr(
        not(feature = "acme"),
        expect(clippy::unused_async, reason = "there is nothing to order here")
    )]
    pub(super) async fn order(&self, _desk: &Arc<Desk>) {
        #[cfg(feature = "acme")]
        if let Some(clerk) = &self.clerk {
            clerk.tend(_desk).await;
        }
    }

    /// The certificate of our own authority; a new one where that is wanted.
    pub(super) fn authority(
        &self,
        replace: bool,
        zones: &[Name],
        addresses: &[IpAddr],
        now: u64,
    ) -> Result<Authority, Failure> {
        if !matches!(self.source, CertificateConfig::Own) {
            let message =
                "the certificate is not of an authority of our own; that is there with `certificate: own`";
            return Err(Failure::new(Code::Unavailable, message));
        }
        if replace {
            self.make(zones, addresses, Ask::Authority, now)?;
        }
        let standing = self.standing();
        let Some(authority) = &standing.authority else {
            let why = standing.problem.as_ref().map(ToString::to_string);
            let message = why.unwrap_or_else(|| "there is no authority yet".to_owned());
            return Err(Failure::new(Code::NotFound, message));
        };
        Ok(Authority {
            pem: own::certificate_pem(authority),
            fingerprint: own::fingerprint(authority),
            replaced: replace,
        })
    }

    fn make(&self, zones: &[Name], addresses: &[IpAddr], ask: Ask, now: u64) -> Result<(), Failure> {
        if let Some(problem) = self.tend(zones, addresses, ask, now) {
            return Err(Failure::new(Code::Io, problem));
        }
        let taken = self.say(self.certificate.reload(now).map(|()| true), now);
        taken
            .map(|_| ())
            .map_err(|error| Failure::new(Code::Io, error.to_string()))
    }

    /// Makes what is due or asked for, where it is ours to make; says what stands in the way.
    fn tend(&self, zones: &[Name], addresses: &[IpAddr], ask: Ask, now: u64) -> Option<String> {
        if !matches!(self.source, CertificateConfig::Own) {
            return None;
        }
        let wanted = Wanted {
            names: self
                .name
                .iter()
                .flat_map(|name| [name.clone(), format!("*.{name}")])
                .collect(),
            addresses: with_loopback(addresses),
            zones: zones.iter().map(text_of).collect(),
        };
        // One at a time: two would make a certificate each.
        let mut standing = self.standing();
        let before = std::mem::replace(&mut *standing, own::tend(&self.folder, &wanted, ask, now));
        tell(&before, &standing);
        standing.problem.as_ref().map(ToString::to_string)
    }

    /// How it fares.
    pub(super) fn status(&self, now: u64) -> CertificateStatus {
        let trust = self.trust();
        let standing = self.standing();
        let shown = self.certificate.shown();
        let facts = shown.as_deref().and_then(Facts::read);
        let times = |at: fn(&Facts) -> u64| {
            facts
                .as_ref()
                .map_or_else(String::new, |facts| write_time(at(facts)))
        };
        let is_ours = !matches!(self.source, CertificateConfig::Files(_));
        let trust = match trust {
            Trust::Public => "public",
            Trust::Own(_) => "own",
            Trust::None if shown.is_some() => "unknown",
            Trust::None => "none",
        };
        let mut problems = self.defects(facts.as_ref(), now);
        if let Some(problem) = &standing.problem {
            problems.push(DefectText {
                file: problem.file.display().to_string(),
                message: problem.message.clone(),
                ..DefectText::default()
            });
        }
        if !standing.left_out.is_empty() {
            problems.push(DefectText {
                file: standing_file(&self.folder),
                message: left_out(&standing.left_out),
                ..DefectText::default()
            });
        }
        let mut status = CertificateStatus {
            source: match self.source {
                CertificateConfig::Files(_) => "files",
                CertificateConfig::Own => "own",
                CertificateConfig::Acme(_) => "acme",
            }
            .to_owned(),
            trust: trust.to_owned(),
            from: times(|facts| facts.from),
            until: times(|facts| facts.until),
            file: self.certificate.chain().display().to_string(),
            zones_left_out: standing.zones_left_out.clone(),
            problems,
            ..CertificateStatus::default()
        };
        if is_ours {
            status.renewal = times(plan::renewal_at);
        }
        if let Some(facts) = facts {
            status.addresses = facts.addresses.iter().map(ToString::to_string).collect();
            status.names = facts.names;
            status.issuer = facts.issuer;
        }
        if let Some(authority) = &standing.authority {
            let permitted = Permitted::read(authority).unwrap_or_default();
            let prefixes = permitted.prefixes.iter().map(ToString::to_string);
            status.signs_for = permitted.domains.into_iter().chain(prefixes).collect();
            status.fingerprint = own::fingerprint(authority);
            if let Some(facts) = Facts::read(authority) {
                status.authority = facts.subject;
                status.authority_until = write_time(facts.until);
            }
        }
        #[cfg(feature = "acme")]
        if let Some(clerk) = &self.clerk {
            clerk.tell(&mut status);
        }
        status
    }

    /// Logs what became of the files.
    fn say(&self, result: Result<bool, CertificateError>, now: u64) -> Result<bool, CertificateError> {
        match &result {
            // What was wrong still is, and was said.
            Ok(false) => {}
            Ok(true) => {
                info!("certificate {} read again", self.certificate.chain().display());
                self.warn(now);
            }
            Err(error) if self.certificate.is_in_force() => {
                error!("{error}; the certificate that was read before stays in use");
            }
            Err(error) => error!("{error}; encrypted listeners refuse everybody until it is mended"),
        }
        result
    }

    /// What is wrong with the certificate itself.
    fn defects(&self, facts: Option<&Facts>, now: u64) -> Vec<DefectText> {
        // Until it is made there is nothing to be read.
        let damage = self.certificate.damage().filter(|_| !self.is_awaited());
        let over = facts
            .filter(|facts| facts.until < now)
            .map(|facts| CertificateError {
                file: self.certificate.chain().to_owned(),
                message: over(facts.until),
            });
        // One that is over may be what its files hold as well.
        let damage = damage.filter(|damage| over.as_ref() != Some(damage));
        let all = over.into_iter().chain(damage);
        all.map(|error| DefectText {
            file: error.file.display().to_string(),
            message: error.message,
            ..DefectText::default()
        })
        .collect()
    }

    fn warn(&self, now: u64) {
        for warning in self.certificate.warnings(now) {
            warn!("{warning}");
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what is other than it was.
fn tell(before: &Standing, now: &Standing) {
    if let (true, Some(authority)) = (now.is_authority_new, &now.authority) {
        info!(
            "made an authority of our own, SHA-256 {}; `dnsctl certificate authority` prints it for devices",
            own::fingerprint(authority)
        );
    }
    if let (Some(why), Some(facts)) = (now.made, &now.certificate) {
        let addresses = facts.addresses.iter().map(ToString::to_string);
        let all: Vec<String> = facts.names.iter().cloned().chain(addresses).collect();
        info!(
            "made a certificate for {}, good until {}: {why}",
            all.join(", "),
            write_time(facts.until)
        );
    }
    if now.left_out != before.left_out && !now.left_out.is_empty() {
        error!("{}", left_out(&now.left_out));
    }
    if now.problem != before.problem
        && let Some(problem) = &now.problem
    {
        error!("{problem}; encrypted listeners go on with the certificate that they have, if there is one");
    }
}

fn left_out(names: &[String]) -> String {
    format!(
        "the authority may not sign for {}, so the certificate goes without; `dnsctl certificate authority --replace` \
         makes one that may, which every device must be given anew",
        names.join(", ")
    )
}

fn standing_file(folder: &std::path::Path) -> String {
    own::authority_file(folder).display().to_string()
}

/// And this host itself, for programs on it.
fn with_loopback(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut all = addresses.to_vec();
    for own in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        if !all.contains(&own) {
            all.push(own);
        }
    }
    all
}

/// A name without its closing dot.
fn text_of(name: &Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
