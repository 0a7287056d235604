/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The meaning of "@builtin" in Names= and KeepNames=: globs of names that secrets have, and of
 * names that look like these and have none. name_list.h says how a name is compared.
 */
#pragma once

#define BUILTIN_NAMES                                                                              \
        "*password* *passwd* *passphrase* *pass-phrase* *pass-word* *passcode* *passkey* *pass "   \
        "*pwd *pw *secret* *credential* *token* *auth *auth-* *authoriz* *auth*key* *auth*code* "  \
        "*oauth* *api-*key* *apikey* *access-*key* *accesskey* *private-*key* *privatekey* "       \
        "*privkey* *account-*key* *accountkey* *shared-*key* *sharedkey* *preshared* "             \
        "*encrypt*-key* *decrypt*-key* *master-key* *license-key *session-key *app-key "           \
        "*hmac-key *storage-key psk *-psk jwt *-jwt otp totp *-otp *bearer* *mnemonic* cookie "    \
        "*-cookie *setcookie session-id *sessionid *sessid so-pin user-pin new-pin old-pin "       \
        "set-pin *pin-code *signing-key *subscription-key *functions-key *application-key "        \
        "*sas-key *admin-key *setup-key *unseal-key *unlock-key *recovery-key *otp-code "          \
        "*seed-phrase *wep-key* *creds *-art-api *access-signature bw-session op-session-*"

#define BUILTIN_KEEP_NAMES                                                                         \
        "*file *-files *-path *-dir *-directory *-folder *-name *-names *-ttl *-type *-mode "      \
        "*-method *-methods *-url *-uri *-endpoint *-host *-port *-server *-stdin *-fd *-prompt "  \
        "*-length *-len *-policy *-timeout *-expiry *-expires *-expiration *-lifetime "            \
        "*-duration *-age *-env *-cmd *-command *-helper *-provider *-backend *-store *-format "   \
        "*-version *-size *-count *-limit *-user *-username *-login *-protocol *-proto "           \
        "*-algorithm *-algo *-sock *-socket *-plaintext *-realm *-scope *-scopes *-audience "      \
        "*-issuer *-domain *-hint *-required *-enabled *-disabled *-interval *-encoding "          \
        "*-charset *-generator *-manager *-class *-plugin *-no-challenge *-nocache *-cache "       \
        "*-source *-mechanism *-mech *-database *-rotation *-retries *passwordeval *-cert-hash "   \
        "*-per-* noauth *secretary* export-secret-* list-secret-* delete-secret-* no-* ask-* "     \
        "prompt-* show-* stdin-* hide-* without-* with-token disable-* enable-* skip-* "           \
        "require-* allow-* force-* generate-* random-* use-* max-* min-* num-* *-max-tokens "      \
        "*-min-tokens *maxtokens total-tokens completion-tokens *tokeniz* *tokenis* "              \
        "passwordless* *disabled-password *anyauth any-auth rfbauth oldpwd keepass *bypass "       \
        "*compass *multipass *askpass *trespass google-application-credentials *-email "           \
        "*-seconds *-max *client-id *api-key-id *-namespace *auth-config *auth-header *auth-db "   \
        "*auth-group *auth-api-group *authorized *authorized-keys *login-config *passwordbox "     \
        "*passwdbox *single-pass *multi-pass *two-pass *one-pass *pull-secret* "                   \
        "*existing-secret* tls-secret starting-token next-token *nexttoken page-token "            \
        "*pagetoken *pagination-token continuation-token with-registry-auth"
