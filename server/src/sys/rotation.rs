//! New keys: of the barrier, of the seal, and how often the barrier takes a new one by itself.

use std::sync::Arc;

use schemas::shape::{Declared as _, List, Seconds};
use serde_json::{Value, json};

use super::{Sys, own_seal};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::response::Response;
use crate::core::rotation::{MAX_OPERATIONS, MIN_INTERVAL, MIN_OPERATIONS, RotationConfig};
use crate::handler;
use crate::seal::{RotationStatus, Seal, SecretBytes, parse_share};

/// `rotate`, and `rekey` of older clients, which is off.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("rotate")
        .about("Makes a new key that new records are encrypted with, at the path of old clients.")
        .sudo()
        .once()
        .fields(&[])
        .write(handler!(rotate)),
    Route::new("rotate/keyring")
        .about("Makes a new key that new records are encrypted with.")
        .sudo()
        .once()
        .fields(&[])
        .write(handler!(rotate)),
    Route::new("rotate/config")
        .about("When a new key is made by itself, at the path of old clients.")
        .fields(Config::PARTS)
        .read(handler!(read_config))
        .write(handler!(write_config)),
    Route::new("rotate/keyring/config")
        .about("When a new key is made by itself.")
        .fields(Config::PARTS)
        .read(handler!(read_config))
        .write(handler!(write_config)),
    Route::new("rotate/root")
        .about("Makes a new root key at once.")
        .sudo()
        .once()
        .fields(&[])
        .write(handler!(rotate_root)),
    Route::new("rotate/root/init")
        .about("Begins, shows or cancels the change of the key shares that unseal the server.")
        .once()
        .fields(Begin::PARTS)
        .read(handler!(status))
        .write(handler!(begin))
        .delete(handler!(cancel)),
    Route::new("rotate/root/update")
        .about("Enters a key share, of which some are needed before the shares change.")
        .once()
        .fields(Share::PARTS)
        .write(handler!(enter)),
    Route::new("rotate/root/verify")
        .about("Proves that the new key shares have arrived before they count.")
        .once()
        .fields(Share::PARTS)
        .read(handler!(verification))
        .write(handler!(verify))
        .delete(handler!(restart)),
    Route::new("rotate/root/backup")
        .about("Backup of key shares that were encrypted.")
        .fields(&[])
        .read(handler!(no_backup))
        .delete(handler!(nothing_there)),
    Route::new("rotate/recovery/init")
        .about("Begins, shows or cancels the change of the recovery key shares.")
        .fields(Begin::PARTS)
        .read(handler!(no_recovery_configuration))
        .write(handler!(no_recovery_keys))
        .delete(handler!(nothing_there)),
    Route::new("rotate/recovery/update")
        .about("Enters a recovery key share, of which some are needed before the shares change.")
        .fields(Share::PARTS)
        .write(handler!(no_recovery_share)),
    Route::new("rotate/recovery/verify")
        .about("Proves that the new recovery key shares have arrived before they count.")
        .fields(Share::PARTS)
        .read(handler!(no_recovery_rotation))
        .write(handler!(no_recovery_share))
        .delete(handler!(no_recovery_rotation)),
    Route::new("rotate/recovery/backup")
        .about("Backup of recovery key shares that were encrypted.")
        .fields(&[])
        .read(handler!(no_backup))
        .delete(handler!(nothing_there)),
    Route::new("rekey/init")
        .about("Turned off: key shares are changed at `sys/rotate/root/`.")
        .unauthenticated()
        .read(handler!(turned_off))
        .write(handler!(turned_off))
        .delete(handler!(turned_off)),
    Route::new("rekey/update")
        .about("Turned off: key shares are entered at `sys/rotate/root/`.")
        .unauthenticated()
        .write(handler!(turned_off)),
    Route::new("rekey/verify")
        .about("Turned off: key shares are proved at `sys/rotate/root/`.")
        .unauthenticated()
        .read(handler!(turned_off))
        .write(handler!(turned_off))
        .delete(handler!(turned_off)),
    gone_for_all("rekey-recovery-key/init"),
    gone_for_all("rekey-recovery-key/update"),
    gone_for_all("rekey-recovery-key/verify"),
    Route::new("rekey/backup")
        .about("Backup of key shares that were encrypted, at the path of old clients.")
        .fields(&[])
        .read(handler!(no_backup))
        .delete(handler!(nothing_there)),
    Route::new("rekey/recovery-key-backup")
        .about("Backup of recovery key shares that were encrypted, at the path of old clients.")
        .fields(&[])
        .read(handler!(no_backup))
        .delete(handler!(nothing_there)),
];

/// When the barrier takes a new key by itself.
#[derive(schemas::Fields)]
struct Config {
    /// Whether it does.
    enabled: Option<bool>,
    /// After so long; 0: at no time.
    interval: Option<Seconds>,
    /// After so many encryptions.
    max_operations: Option<i64>,
}

/// The body that begins an attempt.
#[derive(schemas::Fields)]
struct Begin {
    /// Shares to hand out.
    secret_shares: Option<i64>,
    /// Of them needed to unseal.
    secret_threshold: Option<i64>,
    /// The new shares have to be entered before they count.
    require_verification: Option<bool>,
    /// One PGP key a share.
    pgp_keys: Option<List<String>>,
    /// Keep the encrypted shares.
    backup: Option<bool>,
}

/// A share that is entered.
#[derive(schemas::Fields)]
struct Share {
    /// The share, hexadecimal or base64.
    key: Option<String>,
    /// Names the attempt.
    nonce: Option<String>,
}

/// Encrypts with a new key from now on. It is stored apart from the transaction of the request, which writes nothing.
async fn rotate(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let status = cx.core.barrier.rotate_in(own_seal(cx)?.domain()).await?;
    tracing::info!(term = status.term, "the keyring was rotated");
    Ok(Response::empty())
}

async fn read_config(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx)?;
    let config = RotationConfig::load(cx.transaction(), seal.domain()).await?;
    let interval = match config.interval {
        0 => json!(0),
        seconds => Value::from(go_text::duration(seconds)),
    };
    Response::data(&json!({
        "enabled": config.enabled, "interval": interval, "max_operations": config.max_operations,
    }))
}

async fn write_config(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx)?;
    let given: Config = cx.fields()?;
    let present = RotationConfig::load(cx.transaction(), seal.domain()).await?;
    let config = RotationConfig {
        enabled: given.enabled.unwrap_or(present.enabled),
        interval: given.interval.map_or(present.interval, |interval| interval.0.max(0).unsigned_abs()),
        max_operations: given
            .max_operations
            .map_or(present.max_operations, |most| most.max(0).unsigned_abs()),
    };
    if config.interval != 0 && config.interval < MIN_INTERVAL {
        let least = go_text::duration(MIN_INTERVAL);
        return Err(Error::invalid(format!("interval must be greater or equal to {least}")));
    }
    if !(MIN_OPERATIONS..=MAX_OPERATIONS).contains(&config.max_operations) {
        let text = format!("max_operations must be in the range [{MIN_OPERATIONS},{MAX_OPERATIONS}]");
        return Err(Error::invalid(text));
    }
    config.store(cx.transaction(), seal.domain())?;
    Ok(Response::empty())
}

async fn rotate_root(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    own_seal(cx)?.rotate_root_key().await?;
    tracing::info!("the root key was rotated");
    Ok(Response::empty())
}

async fn status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx)?;
    let required = seal.threshold().await?;
    match seal.rotation().await {
        Some(rotation) => Response::data(&shown(&rotation, required)),
        None => Response::data(&json!({ "n": 0, "required": required, "started": false, "t": 0 })),
    }
}

fn shown(rotation: &RotationStatus, required: u8) -> Value {
    json!({
        "n": rotation.shares,
        "nonce": rotation.nonce,
        "progress": rotation.progress,
        "required": required,
        "started": true,
        "t": rotation.threshold,
        "verification_nonce": rotation.verification_nonce,
        "verification_required": rotation.is_verified,
    })
}

async fn begin(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx)?;
    let given: Begin = cx.fields()?;
    let shares = given.secret_shares.unwrap_or_default();
    let keys = given.pgp_keys.map_or(0, |keys| keys.0.len());
    if keys != 0 && i64::try_from(keys) != Ok(shares) {
        return Err(Error::invalid(
            "invalid rotate seal configuration: count mismatch between number of provided PGP keys and number of \
             shares",
        ));
    }
    if keys != 0 || given.backup.unwrap_or_default() {
        return Err(Error::not_implemented("encrypting shares for PGP keys, and keeping them,"));
    }
    let (threshold, is_verified) =
        (given.secret_threshold.unwrap_or_default(), given.require_verification.unwrap_or_default());
    let rotation = seal.begin_rotation(shares, threshold, is_verified).await?;
    Response::data(&shown(&rotation, seal.threshold().await?))
}

async fn cancel(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if let Ok(seal) = own_seal(cx) {
        seal.cancel_rotation().await;
    }
    Ok(Response::empty())
}

/// Share and nonce of the request, for a seal that there is.
fn share(cx: &Context<'_>) -> Result<(Arc<Seal>, SecretBytes, String), Error> {
    let given: Share = cx.fields()?;
    let required = |value: Option<String>, name: &str| {
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::invalid(format!("missing required field '{name}'")))
    };
    let key = required(given.key, "key")?;
    let nonce = required(given.nonce, "nonce")?;
    let seal = own_seal(cx)?;
    Ok((seal, parse_share(&key)?, nonce))
}

async fn enter(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (seal, share, nonce) = share(cx)?;
    let is_verified = seal.rotation().await.is_some_and(|rotation| rotation.is_verified);
    let Some(new) = seal.enter_for_rotation(&nonce, share).await? else {
        let rotation = seal.rotation().await.ok_or_else(|| Error::invalid("no rotation in progress"))?;
        return Response::data(&shown(&rotation, seal.threshold().await?));
    };
    tracing::info!("new shares of the unseal key were handed out");
    let (keys, keys_base64) = super::encoded(&new.shares);
    Response::data(&json!({
        "backup": false,
        "complete": true,
        "keys": keys,
        "keys_base64": keys_base64,
        "nonce": nonce,
        "pgp_fingerprints": null,
        "verification_nonce": new.verification_nonce,
        "verification_required": is_verified,
    }))
}

fn verification_shown(rotation: &RotationStatus) -> Value {
    json!({
        "n": rotation.shares,
        "nonce": rotation.verification_nonce,
        "progress": rotation.verification_progress,
        "started": !rotation.verification_nonce.is_empty(),
        "t": rotation.threshold,
    })
}

fn no_rotation() -> Error {
    Error::invalid("no rotation configuration found")
}

async fn verification(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx).map_err(|_| no_rotation())?;
    let rotation = seal.rotation().await.ok_or_else(no_rotation)?;
    Response::data(&verification_shown(&rotation))
}

async fn verify(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let (seal, share, nonce) = share(cx)?;
    if seal.verify_rotation(&nonce, share).await? {
        return Response::data(&json!({ "complete": true, "nonce": nonce }));
    }
    let rotation = seal.rotation().await.ok_or_else(no_rotation)?;
    Response::data(&verification_shown(&rotation))
}

async fn restart(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = own_seal(cx).map_err(|_| no_rotation())?;
    let rotation = seal.restart_verification().await?;
    Response::data(&verification_shown(&rotation))
}

/// Shares are kept only where they are encrypted for PGP keys, which is not built.
async fn no_backup(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::invalid("no backed-up keys found"))
}

/// Nothing is kept, so nothing is left after it.
async fn nothing_there(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Ok(Response::empty())
}

async fn no_recovery_configuration(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    own_seal(cx)?;
    Err(Error::invalid("unable to look up config: recovery not supported"))
}

async fn no_recovery_keys(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    own_seal(cx)?;
    Err(Error::invalid("recovery keys not supported"))
}

async fn no_recovery_share(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    share(cx)?;
    Err(Error::invalid("recovery keys not supported"))
}

async fn no_recovery_rotation(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(no_rotation())
}

/// A path of old clients that everybody may ask for, and behind which there is nothing.
const fn gone_for_all(path: &'static str) -> Route<Sys> {
    Route::new(path)
        .about("Gone: recovery keys are changed at `sys/rotate/recovery/`.")
        .unauthenticated()
        .hidden()
        .read(handler!(gone))
        .write(handler!(gone))
        .delete(handler!(gone))
}

async fn gone(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_path())
}

/// Whoever has no token must not be able to end an attempt of others.
async fn turned_off(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_operation())
}
