//! Hosted pages: bound to one browser, finished once.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

pub(crate) async fn application(store: &Store) -> ApplicationId {
    let application = Application {
        id: application_id(),
        name: "shop".to_owned(),
        scopes: BTreeSet::from([Scope::Challenges]),
        certificates: BTreeSet::new(),
        return_origins: BTreeSet::new(),
        version: 1,
        created_at: START,
    };
    let id = ApiKeyId::generate(START, &Counter);
    let key =
        ApiKey { id, application_id: application.id, hash: KeyHash([1; 32]), created_at: START, expires_at: None };
    let id = application.id;
    apply(store, Change::CreateApplication(application, key)).await;
    id
}

pub(crate) fn page(application_id: ApplicationId, session: Option<&Session>, token: u8) -> HostedPage {
    HostedPage {
        id: PageId::generate(START, &Counter),
        application_id,
        purpose: PagePurpose::Enroll,
        state: PageState::Open,
        token: TokenHash([token; 32]),
        browser: None,
        code_challenge: None,
        redeemed_at: None,
        user_id: session.map(|session| session.user_id),
        session_id: session.map(|session| session.id),
        challenge_id: None,
        enrollment_id: None,
        wanted: None,
        return_url: ReturnUrl::parse("https://shop.example/back?x=1").unwrap(),
        refused: 0,
        carried: Some("a b".to_owned()),
        created_at: START,
        expires_at: after(600),
    }
}

fn create(page: &HostedPage) -> Change {
    Change::CreatePage(Box::new(page.clone()))
}

fn open(page: &HostedPage, browser: u8, at: Timestamp) -> Change {
    Change::OpenPage { id: page.id, browser: TokenHash([browser; 32]), at }
}

fn redeem(page: &HostedPage, browser: u8, at: Timestamp) -> RedeemPage {
    RedeemPage { id: page.id, browser: TokenHash([browser; 32]), session_id: page.session_id, verifier: None, at }
}

fn redeemed(redeem: RedeemPage) -> Change {
    Change::RedeemPage(Box::new(redeem))
}

/// Opens a page, and has the application say that it is the right browser.
async fn settle_page(store: &Store, page: &mut HostedPage) {
    apply(store, open(page, 1, after(1))).await;
    apply(store, redeemed(redeem(page, 1, after(1)))).await;
    (page.browser, page.redeemed_at) = (Some(TokenHash([1; 32])), Some(after(1)));
}

on_both_engines! {
    async fn t12_a_page_is_redeemed_once_in_its_own_browser(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let mut page = page(app, Some(&ann.session), 1);
        page.code_challenge = Some(TokenHash([9; 32]));
        apply(&store, create(&page)).await;
        let right = RedeemPage { verifier: page.code_challenge, ..redeem(&page, 1, after(2)) };
        assert_eq!(commit(&store, redeemed(right.clone())).await, Effect::Refused, "nobody has opened it");
        apply(&store, open(&page, 1, after(1))).await;
        let wrong = [
            RedeemPage { browser: TokenHash([2; 32]), ..right.clone() },
            RedeemPage { session_id: Some(bob.session.id), ..right.clone() },
            RedeemPage { session_id: None, ..right.clone() },
            RedeemPage { verifier: Some(TokenHash([8; 32])), ..right.clone() },
            RedeemPage { verifier: None, ..right.clone() },
            RedeemPage { at: page.expires_at, ..right.clone() },
        ];
        for wrong in wrong {
            assert_eq!(commit(&store, redeemed(wrong.clone())).await, Effect::Refused, "{wrong:?}");
        }
        let ends = |to| Change::FinishPage { id: page.id, to };
        for to in [PageState::Proved, PageState::Enrolled, PageState::Left, PageState::Cancelled] {
            assert_eq!(commit(&store, ends(to)).await, Effect::Refused, "nothing is done before");
        }
        let advance = |at| Change::AdvancePage {
            seen: Box::new(page.clone()),
            next: Box::new(HostedPage { wanted: Some(Wanted::Add), ..page.clone() }),
            at,
        };
        assert_eq!(commit(&store, advance(after(2))).await, Effect::Refused, "nothing is done before");
        let many = join_all((0..16).map(|_| commit(&store, redeemed(right.clone())))).await;
        assert_eq!(many.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        assert_eq!(store.page(page.id).await.unwrap().unwrap().redeemed_at, Some(after(2)));
        assert_eq!(commit(&store, ends(PageState::Refused)).await, Effect::Refused, "it was the right browser");
        apply(&store, advance(after(3))).await;
    }

    async fn t12_a_page_that_was_refused_is_over(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let page = page(app, None, 1);
        apply(&store, create(&page)).await;
        apply(&store, open(&page, 1, after(1))).await;
        apply(&store, Change::FinishPage { id: page.id, to: PageState::Refused }).await;
        assert_eq!(commit(&store, redeemed(redeem(&page, 1, after(2)))).await, Effect::Refused);
    }

    async fn t12_of_many_browsers_one_opens_a_page(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let mut page = page(app, None, 1);
        apply(&store, create(&page)).await;
        assert_eq!(store.page_by_token(TokenHash([1; 32])).await.unwrap(), Some(page.clone()));
        assert_eq!(store.page_by_token(TokenHash([2; 32])).await.unwrap(), None);
        let opened = join_all((0..16).map(|browser| commit(&store, open(&page, browser, after(1))))).await;
        assert_eq!(opened.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        let winner = opened.iter().position(|effect| *effect == Effect::Applied).unwrap();
        page.browser = Some(TokenHash([u8::try_from(winner).unwrap(); 32]));
        assert_eq!(store.page(page.id).await.unwrap(), Some(page));
    }

    async fn t13_a_page_is_opened_before_it_expires_or_never(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (late, over) = (page(app, None, 1), page(app, None, 2));
        for page in [&late, &over] {
            apply(&store, create(page)).await;
        }
        assert_eq!(commit(&store, open(&late, 1, after(600))).await, Effect::Refused);
        apply(&store, open(&late, 1, after(599))).await;
        apply(&store, Change::FinishPage { id: over.id, to: PageState::Refused }).await;
        assert_eq!(commit(&store, open(&over, 1, after(1))).await, Effect::Refused);
        let mut nobodys = page(application_id(), None, 3);
        assert_eq!(commit(&store, create(&nobodys)).await, Effect::Refused);
        nobodys.application_id = app;
        nobodys.session_id = Some(SessionId::generate(START, &Counter));
        assert_eq!(commit(&store, create(&nobodys)).await, Effect::Refused);
        nobodys.session_id = None;
        nobodys.token = late.token;
        assert_eq!(commit(&store, create(&nobodys)).await, Effect::Exists, "a token leads to one page");
    }

    async fn t33_a_refusal_is_told_of_once_for_each_reason(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (page, other) = (page(app, None, 1), page(app, None, 2));
        for page in [&page, &other] {
            apply(&store, create(page)).await;
        }
        let refuse = |page: &HostedPage, reason| Change::RefusePage { id: page.id, reason };
        let many = join_all((0..16).map(|_| commit(&store, refuse(&page, PageRefusal::OpenedElsewhere)))).await;
        assert_eq!(many.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        apply(&store, refuse(&page, PageRefusal::Finished)).await;
        apply(&store, refuse(&page, PageRefusal::Expired)).await;
        assert_eq!(commit(&store, refuse(&page, PageRefusal::Finished)).await, Effect::Refused);
        assert_eq!(store.page(page.id).await.unwrap().map(|page| page.refused), Some(7));
        apply(&store, refuse(&other, PageRefusal::Finished)).await;
    }

    async fn a_page_goes_on_from_where_it_was_seen_and_ends_once(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let mut seen = page(app, None, 1);
        apply(&store, create(&seen)).await;
        settle_page(&store, &mut seen).await;
        let begun = |enrollment_id, at| Change::AdvancePage {
            seen: Box::new(seen.clone()),
            next: Box::new(HostedPage { enrollment_id, ..seen.clone() }),
            at,
        };
        let enrollment = Some(EnrollmentId::generate(START, &Counter));
        assert_eq!(commit(&store, begun(enrollment, after(600))).await, Effect::Refused, "it has expired");
        apply(&store, begun(enrollment, after(1))).await;
        assert_eq!(commit(&store, begun(None, after(1))).await, Effect::Refused, "it was seen before");
        let now = store.page(seen.id).await.unwrap().unwrap();
        assert_eq!(now.enrollment_id, enrollment);
        let challenge_id = Some(ChallengeId::generate(START, &Counter));
        let further = Change::AdvancePage {
            seen: Box::new(now.clone()),
            next: Box::new(HostedPage { challenge_id, enrollment_id: None, ..now }),
            at: after(2),
        };
        apply(&store, further.clone()).await;
        let ends = [PageState::Enrolled, PageState::Cancelled, PageState::Proved];
        let ended = join_all(ends.map(|to| commit(&store, Change::FinishPage { id: seen.id, to }))).await;
        assert_eq!(ended.iter().filter(|effect| **effect == Effect::Applied).count(), 1);
        let to = ends[ended.iter().position(|effect| *effect == Effect::Applied).unwrap()];
        let now = store.page(seen.id).await.unwrap().unwrap();
        assert_eq!((now.state, now.challenge_id, now.enrollment_id), (to, challenge_id, None));
        let back = Change::AdvancePage {
            seen: Box::new(now.clone()),
            next: Box::new(HostedPage { challenge_id: None, enrollment_id: None, ..now }),
            at: after(3),
        };
        assert_eq!(commit(&store, back).await, Effect::Refused);
    }

    async fn a_page_goes_with_its_application_its_user_and_its_time(home: Home) {
        let store = home.open().await;
        let app = application(&store).await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (anns, bobs) = (page(app, Some(&ann.session), 1), page(app, Some(&bob.session), 2));
        for page in [&anns, &bobs] {
            apply(&store, create(page)).await;
        }
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(store.page(anns.id).await.unwrap(), None);
        assert_eq!(store.page(bobs.id).await.unwrap(), Some(bobs.clone()));
        let keep = Duration::from_hours(24 * 2);
        store.sweep(after(600).plus(keep), keep).await.unwrap();
        assert_eq!(store.page(bobs.id).await.unwrap(), None);

        let last = page(app, None, 3);
        apply(&store, create(&last)).await;
        apply(&store, Change::DeleteApplication { id: app, at: after(1) }).await;
        assert_eq!(store.page(last.id).await.unwrap().unwrap().state, PageState::Cancelled);
    }
}
