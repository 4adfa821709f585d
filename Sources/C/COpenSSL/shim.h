#pragma once
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

// OpenSSL's function-like and cast macros do not import into Swift: each that is used has a name
// here.

static inline int canopy_ctx_pin_tls13(SSL_CTX *ctx) {
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION)
        && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
}

/// For tests that play an old peer.
static inline int canopy_ctx_pin_tls12(SSL_CTX *ctx) {
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)
        && SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
}

static inline int canopy_ctx_set_groups(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

static inline void canopy_ctx_harden(SSL_CTX *ctx) {
    SSL_CTX_set_options(
        ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // The chain is what the file holds; OpenSSL would add the root from the trusted ones to each
    // handshake.
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
}

/// Clients hand new sessions to the callback only; servers keep nothing, their tickets hold it all.
static inline void canopy_ctx_cache_outside(SSL_CTX *ctx, int client) {
    SSL_CTX_set_session_cache_mode(
        ctx, client ? (SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL) : SSL_SESS_CACHE_OFF);
}

static inline int canopy_ctx_add_chain(SSL_CTX *ctx, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}

static inline void canopy_ctx_set_max_cert_list(SSL_CTX *ctx, long bytes) {
    SSL_CTX_set_max_cert_list(ctx, bytes);
}

static inline int canopy_ssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void canopy_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void canopy_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline EVP_PKEY *canopy_new_p256_key(void) { return EVP_EC_gen("P-256"); }
