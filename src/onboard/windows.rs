//! Windows 10 and 11: a PowerShell script that sends the names of our zones to us (NRPT rules), and the one that undoes it.
//!
//! A rule asks port 53. Where the server speaks DoH on its usual port, Windows 11 is told to encrypt what the rule sends
//! (`AutoUpgrade`); an authority of our own is given to the machine first. From Microsoft's documentation; Windows could not
//! be run here, so the tests only read the scripts with a grammar of PowerShell.

use std::fmt::Write as _;

use super::quote::powershell;
use super::{Artefact, Facts, HTTPS_PORT, PLAIN_PORT, Unfit};

/// Windows takes at most 50 names in one rule; a zone is two.
const ZONES_PER_RULE: usize = 25;

/// Where an administrator's rules stand. Where there are any, those of the machine do not count.
const POLICY: &str = r"HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig";

/// What both scripts begin with.
fn head(facts: &Facts, what: &str, out: &mut String) {
    let _ = write!(
        out,
        "#Requires -RunAsAdministrator\n# {what}\n# Run in a PowerShell that was started as administrator.\n\
         $ErrorActionPreference = 'Stop'\n$group = {}\n\
         Get-DnsClientNrptRule | Where-Object {{ $_.Comment -eq $group }} | Remove-DnsClientNrptRule -Force\n",
        powershell(&format!("hearthdns {}", facts.group()))
    );
}

/// The template of DoH, where Windows can be told of it: the usual port, and a certificate that it can be made to trust.
fn template(facts: &Facts) -> Option<String> {
    facts.authority().ok()?;
    (facts.https_port().ok()? == HTTPS_PORT).then(|| facts.doh_url().ok())?
}

/// The script.
///
/// # Errors
/// What is missing; a server that answers neither at port 53 nor over HTTPS at its usual port.
pub fn script(facts: &Facts) -> Result<Artefact, Unfit> {
    let (addresses, template) = (facts.addresses()?, template(facts));
    let port = facts.plain_port();
    if template.is_none() && port? != PLAIN_PORT {
        return Err(Unfit::Port {
            of: "plain DNS",
            is: port?,
            must: PLAIN_PORT,
        });
    }
    let mut out = String::new();
    let what = "Sends the names of these zones, and no others, to this DNS server.";
    let zones = facts.wanted_zones()?;
    head(
        facts,
        if zones.is_some() {
            what
        } else {
            "Sends all names to this DNS server."
        },
        &mut out,
    );
    let servers: Vec<String> = addresses.iter().map(|ip| powershell(&ip.to_string())).collect();
    let _ = writeln!(out, "$servers = {}", servers.join(", "));
    if let Some(template) = &template {
        if let Some(der) = facts.authority()? {
            let _ = write!(
                out,
                "$file = Join-Path $env:TEMP 'hearthdns-authority.cer'\n\
                 [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String('{}'))\n\
                 Import-Certificate -FilePath $file -CertStoreLocation 'Cert:\\LocalMachine\\Root' | Out-Null\n\
                 Remove-Item -Path $file\n",
                data_encoding::BASE64.encode(der)
            );
        }
        // Windows 10 has no such command, and asks in the clear.
        let _ = write!(
            out,
            "if (Get-Command -Name Add-DnsClientDohServerAddress -ErrorAction SilentlyContinue) {{\n    \
             foreach ($server in $servers) {{\n        \
             Get-DnsClientDohServerAddress | Where-Object {{ $_.ServerAddress -eq $server }} | Remove-DnsClientDohServerAddress\n        \
             Add-DnsClientDohServerAddress -ServerAddress $server -DohTemplate {} -AutoUpgrade $true -AllowFallbackToUdp $false\n    \
             }}\n}}\n",
            powershell(template)
        );
    }
    let rule = |namespaces: &[String], out: &mut String| {
        let _ = writeln!(
            out,
            "Add-DnsClientNrptRule -Namespace {} -NameServers $servers -Comment $group -DisplayName $group",
            namespaces.join(", ")
        );
    };
    match zones {
        Some(zones) => {
            for zones in zones.chunks(ZONES_PER_RULE) {
                // With the dot what is below the zone, without it the zone itself.
                let names = zones
                    .iter()
                    .flat_map(|zone| [powershell(&format!(".{zone}")), powershell(zone)]);
                rule(&names.collect::<Vec<_>>(), &mut out);
            }
        }
        None => rule(&["'.'".to_owned()], &mut out),
    }
    let _ = write!(
        out,
        "Clear-DnsClientCache\n\
         if (Test-Path -Path '{POLICY}') {{\n    \
         Write-Warning 'This computer has name rules of its organisation (Group Policy); Windows passes over the rules made here.'\n}}\n\
         Write-Host 'Done. Look at it with: Get-DnsClientNrptRule'\n"
    );
    Ok(made(facts, ".ps1", out))
}

/// What undoes it.
///
/// # Errors
/// [`Unfit::NoAddress`].
pub fn undo(facts: &Facts) -> Result<Artefact, Unfit> {
    let mut out = String::new();
    head(facts, "Takes back what was set for this DNS server.", &mut out);
    let servers: Vec<String> = facts
        .addresses()?
        .iter()
        .map(|ip| powershell(&ip.to_string()))
        .collect();
    let _ = write!(
        out,
        "$servers = {}\n\
         if (Get-Command -Name Remove-DnsClientDohServerAddress -ErrorAction SilentlyContinue) {{\n    \
         Get-DnsClientDohServerAddress | Where-Object {{ $servers -contains $_.ServerAddress }} | Remove-DnsClientDohServerAddress\n}}\n",
        servers.join(", ")
    );
    if let Ok(Some(der)) = facts.authority() {
        // Windows calls a certificate by this digest.
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
        let _ = writeln!(
            out,
            "Get-ChildItem -Path 'Cert:\\LocalMachine\\Root' | Where-Object {{ $_.Thumbprint -eq '{}' }} | Remove-Item",
            data_encoding::HEXUPPER.encode(digest.as_ref())
        );
    }
    out.push_str("Clear-DnsClientCache\nWrite-Host 'Undone.'\n");
    Ok(made(facts, "-undo.ps1", out))
}

fn made(facts: &Facts, ending: &str, text: String) -> Artefact {
    Artefact {
        file: facts.file(ending),
        media_type: "text/plain; charset=utf-8",
        // As Windows' own editor of its time wants it.
        bytes: text.replace('\n', "\r\n").into_bytes(),
    }
}
