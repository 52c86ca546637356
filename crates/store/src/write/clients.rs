//! API clients and their keys, one change at a time.

use domain::{ApiKey, ApiKeyId, Application, ApplicationId, Timestamp};

use super::rest::one;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{ApplicationChange, Change, Effect, rows};

pub(super) async fn write(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CreateApplication(application, key) => create_application(connection, application, key).await,
        Change::UpdateApplication { application, at } => update_application(connection, application, *at).await,
        Change::DeleteApplication { id, at } => delete_application(connection, *id, *at).await,
        Change::CreateApiKey { key, others_expire_at } => create_api_key(connection, key, *others_expire_at).await,
        Change::RevokeApiKey { id, at } => revoke_api_key(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

/// Makes servers change API clients one after the other, so that each sees which administrators are left.
static HOLD_CLIENTS: Set =
    Set::new(&[("name", Text)], "UPDATE meta SET value = '' WHERE name IN (SELECT i.name FROM input i)");

async fn hold(connection: &mut Connection) -> Result<(), Fault> {
    HOLD_CLIENTS.all(connection, Rows::one(&["clients".into()])).await
}

/// What comes of applications with a policy. What does not happen to one of them does not happen to any.
pub(super) async fn change(
    connection: &mut Connection,
    changes: &[ApplicationChange],
    at: Timestamp,
) -> Result<(), Fault> {
    if changes.is_empty() {
        return Ok(());
    }
    hold(connection).await?;
    for change in changes {
        let effect = match change {
            ApplicationChange::Create(application) => insert_application(connection, application).await?,
            ApplicationChange::Update(application) => put_application(connection, application, at).await?,
            ApplicationChange::Delete(id, version) => {
                match one(connection, &SEEN_APPLICATION, &[(*id).into(), (*version).into()]).await? {
                    Effect::Applied => delete_application(connection, *id, at).await?,
                    other => other,
                }
            }
            ApplicationChange::Stay(id, version) => {
                one(connection, &SAME_APPLICATION, &[(*id).into(), (*version).into()]).await?
            }
        };
        match effect {
            Effect::Applied => {}
            Effect::Exists => return Err(Fault::Taken("an application's name".to_owned())),
            _ => return Err(Fault::Raced("an application is not as it was seen".to_owned())),
        }
        // One may get what another one loses.
        if let ApplicationChange::Update(application) = change {
            DELETE_CERTIFICATES.execute(connection, Rows::one(&[application.id.into()])).await?;
        }
    }
    for change in changes {
        if let ApplicationChange::Create(application) | ApplicationChange::Update(application) = change {
            create_certificates(connection, application).await?;
        }
    }
    Ok(())
}

/// An application in the version that was seen.
static SEEN_APPLICATION: Set = Set::new(
    &[("application_id", Id), ("seen", Int)],
    "UPDATE applications AS p SET version = p.version + 1 FROM input i WHERE p.id = i.application_id AND p.version = i.seen",
);

/// The same of one that is not to change. All who change one wait for one another, so it is so until the end of the commit.
static SAME_APPLICATION: Set = Set::new(
    &[("application_id", Id), ("seen", Int)],
    "UPDATE applications AS p SET version = p.version FROM input i WHERE p.id = i.application_id AND p.version = i.seen",
);

static CREATE_APPLICATION: Set = Set::new(
    &[("id", Id), ("name", Text), ("scopes", Text), ("return_origins", Text), ("version", Int), ("created_at", Int)],
    "INSERT INTO applications (id, name, scopes, return_origins, version, created_at)
     SELECT i.id, i.name, i.scopes, i.return_origins, i.version, i.created_at FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

/// A fingerprint that is another's fails the change as taken.
static CREATE_CERTIFICATES: Set = Set::new(
    &[("fingerprint", Blob), ("application_id", Id)],
    "INSERT INTO application_certificates (fingerprint, application_id)
     SELECT i.fingerprint, i.application_id FROM input i",
);

async fn create_certificates(connection: &mut Connection, application: &Application) -> Result<(), Fault> {
    let mut input = Rows::default();
    for fingerprint in &application.certificates {
        input.push(&[(&fingerprint.0).into(), application.id.into()]);
    }
    CREATE_CERTIFICATES.all(connection, input).await
}

async fn create_application(
    connection: &mut Connection,
    application: &Application,
    key: &ApiKey,
) -> Result<Effect, Fault> {
    hold(connection).await?;
    if insert_application(connection, application).await? != Effect::Applied {
        return Ok(Effect::Exists);
    }
    create_certificates(connection, application).await?;
    CREATE_API_KEY.all(connection, api_key_row(key)).await?;
    Ok(Effect::Applied)
}

/// [`Effect::Exists`] if the name is taken.
async fn insert_application(connection: &mut Connection, application: &Application) -> Result<Effect, Fault> {
    let scopes = rows::scopes_text(&application.scopes);
    let origins = rows::return_origins_text(&application.return_origins);
    let row = [
        application.id.into(),
        application.name.as_str().into(),
        scopes.as_str().into(),
        origins.as_str().into(),
        application.version.into(),
        application.created_at.into(),
    ];
    match one(connection, &CREATE_APPLICATION, &row).await? {
        Effect::Applied => Ok(Effect::Applied),
        _ => Ok(Effect::Exists),
    }
}

/// Where it loses the `admin` scope, another has that and a key that is valid: of two administrators that take it from each
/// other at the same time one stays.
static UPDATE_APPLICATION: Set = Set::new(
    &[
        ("application_id", Id),
        ("seen", Int),
        ("new_name", Text),
        ("new_scopes", Text),
        ("new_origins", Text),
        ("at", Int),
    ],
    "UPDATE applications AS p
     SET name = i.new_name, scopes = i.new_scopes, return_origins = i.new_origins, version = p.version + 1 FROM input i
     WHERE p.id = i.application_id AND p.version = i.seen
        AND (' ' || p.scopes || ' ' NOT LIKE '% admin %' OR ' ' || i.new_scopes || ' ' LIKE '% admin %'
            OR EXISTS (SELECT 1 FROM applications q CROSS JOIN api_keys k
                WHERE q.id <> i.application_id AND ' ' || q.scopes || ' ' LIKE '% admin %'
                    AND k.application_id = q.id AND (k.expires_at IS NULL OR k.expires_at > i.at)))",
);

static DELETE_CERTIFICATES: Set = Set::new(
    &[("application_id", Id)],
    "DELETE FROM application_certificates WHERE application_id IN (SELECT i.application_id FROM input i)",
);

async fn update_application(
    connection: &mut Connection,
    application: &Application,
    at: Timestamp,
) -> Result<Effect, Fault> {
    hold(connection).await?;
    let effect = put_application(connection, application, at).await?;
    if effect == Effect::Applied {
        DELETE_CERTIFICATES.execute(connection, Rows::one(&[application.id.into()])).await?;
        create_certificates(connection, application).await?;
    }
    Ok(effect)
}

async fn put_application(
    connection: &mut Connection,
    application: &Application,
    at: Timestamp,
) -> Result<Effect, Fault> {
    let scopes = rows::scopes_text(&application.scopes);
    let origins = rows::return_origins_text(&application.return_origins);
    let row = [
        application.id.into(),
        application.version.into(),
        application.name.as_str().into(),
        scopes.as_str().into(),
        origins.as_str().into(),
        at.into(),
    ];
    one(connection, &UPDATE_APPLICATION, &row).await
}

static DELETE_APPLICATION: Set = Set::new(
    &[("application_id", Id), ("at", Int)],
    "DELETE FROM applications
     WHERE id IN (SELECT i.application_id FROM input i)
        AND (' ' || scopes || ' ' NOT LIKE '% admin %'
            OR NOT EXISTS (SELECT 1 FROM input i CROSS JOIN api_keys k
                WHERE k.application_id = applications.id AND (k.expires_at IS NULL OR k.expires_at > i.at))
            OR EXISTS (SELECT 1 FROM input i CROSS JOIN applications q CROSS JOIN api_keys k
                WHERE q.id <> i.application_id AND ' ' || q.scopes || ' ' LIKE '% admin %'
                    AND k.application_id = q.id AND (k.expires_at IS NULL OR k.expires_at > i.at)))",
);

static DELETE_BELONGINGS: [Set; 5] = [
    Set::new(
        &[("application_id", Id), ("at", Int)],
        "DELETE FROM api_keys WHERE application_id IN (SELECT i.application_id FROM input i)",
    ),
    Set::new(
        &[("application_id", Id), ("at", Int)],
        "UPDATE sessions AS s SET ended_at = i.at FROM input i
         WHERE s.application_id = i.application_id AND s.ended_at IS NULL",
    ),
    Set::new(
        &[("application_id", Id), ("at", Int)],
        "UPDATE challenges AS c SET state = 'cancelled' FROM input i
         WHERE c.application_id = i.application_id AND c.state = 'open'",
    ),
    Set::new(
        &[("application_id", Id), ("at", Int)],
        "UPDATE pages AS g SET state = 'cancelled' FROM input i
         WHERE g.application_id = i.application_id AND g.state = 'open'",
    ),
    Set::new(
        &[("application_id", Id), ("at", Int)],
        "DELETE FROM sign_ins WHERE application_id IN (SELECT i.application_id FROM input i)",
    ),
];

async fn delete_application(connection: &mut Connection, id: ApplicationId, at: Timestamp) -> Result<Effect, Fault> {
    hold(connection).await?;
    let effect = one(connection, &DELETE_APPLICATION, &[id.into(), at.into()]).await?;
    if effect == Effect::Applied {
        DELETE_CERTIFICATES.execute(connection, Rows::one(&[id.into()])).await?;
        for belongings in &DELETE_BELONGINGS {
            belongings.execute(connection, Rows::one(&[id.into(), at.into()])).await?;
        }
    }
    Ok(effect)
}

static CREATE_API_KEY: Set = Set::new(
    &[("id", Id), ("application_id", Id), ("hash", Blob), ("created_at", Int), ("expires_at", Int)],
    "INSERT INTO api_keys (id, application_id, hash, created_at, expires_at)
     SELECT i.id, i.application_id, i.hash, i.created_at, i.expires_at FROM input i
     WHERE EXISTS (SELECT 1 FROM applications p WHERE p.id = i.application_id)",
);

fn api_key_row(key: &ApiKey) -> Rows {
    Rows::one(&[
        key.id.into(),
        key.application_id.into(),
        (&key.hash.0).into(),
        key.created_at.into(),
        key.expires_at.into(),
    ])
}

static END_OTHER_KEYS: Set = Set::new(
    &[("key_id", Id), ("application_id", Id), ("end_at", Int)],
    "UPDATE api_keys AS k SET expires_at = i.end_at FROM input i
     WHERE k.application_id = i.application_id AND k.id <> i.key_id
        AND (k.expires_at IS NULL OR k.expires_at > i.end_at)",
);

async fn create_api_key(
    connection: &mut Connection,
    key: &ApiKey,
    others_expire_at: Option<Timestamp>,
) -> Result<Effect, Fault> {
    hold(connection).await?;
    if CREATE_API_KEY.execute(connection, api_key_row(key)).await? == 0 {
        return Ok(Effect::Refused);
    }
    if let Some(end) = others_expire_at {
        let row = Rows::one(&[key.id.into(), key.application_id.into(), end.into()]);
        END_OTHER_KEYS.execute(connection, row).await?;
    }
    Ok(Effect::Applied)
}

static REVOKE_API_KEY: Set = Set::new(
    &[("key_id", Id), ("at", Int)],
    "UPDATE api_keys AS k SET expires_at = i.at
     FROM input i
     WHERE k.id = i.key_id AND (k.expires_at IS NULL OR k.expires_at > i.at)
        AND (NOT EXISTS (SELECT 1 FROM applications p
                WHERE p.id = k.application_id AND ' ' || p.scopes || ' ' LIKE '% admin %')
            OR EXISTS (SELECT 1 FROM applications q CROSS JOIN api_keys o
                WHERE ' ' || q.scopes || ' ' LIKE '% admin %' AND o.application_id = q.id AND o.id <> i.key_id
                    AND (o.expires_at IS NULL OR o.expires_at > i.at)))",
);

async fn revoke_api_key(connection: &mut Connection, id: ApiKeyId, at: Timestamp) -> Result<Effect, Fault> {
    hold(connection).await?;
    one(connection, &REVOKE_API_KEY, &[id.into(), at.into()]).await
}
