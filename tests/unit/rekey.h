/* SPDX-License-Identifier: BSD-2-Clause */
/* A TLS 1.3 peer that asks for new keys (RFC 8446 4.6.3), which is work and no data. */
#ifndef REKEY_H
#define REKEY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* For as long as the other side takes them. */
static inline void rekey(SSL *ssl, int times)
{
	for (int i = 0; i < times; i++)
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			return;
}

/* All in one write, so that they are there before anybody reads: 27 bytes each.  0 or -1. */
static inline int rekey_at_once(SSL *ssl, int fd, int times)
{
	BIO *own = SSL_get_wbio(ssl), *all = BIO_new(BIO_s_mem());
	char *p;
	long n;
	int ok;

	BIO_up_ref(own);
	BIO_up_ref(all);
	SSL_set0_wbio(ssl, all);
	rekey(ssl, times);
	SSL_set0_wbio(ssl, own);
	n = BIO_get_mem_data(all, &p);
	ok = n == 27L * times && write(fd, p, n) == n;
	BIO_free(all);
	return ok ? 0 : -1;
}

/* Bytes that nobody has read yet. */
static inline int unread(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

/*
 * Whether our side, once hands are shaken, comes back while theirs still has it work.  Both know
 * their part, and their descriptor, one of a pair that does not block.
 */
static inline bool rekey_lets_go(SSL *ours, SSL *theirs)
{
	bool up = false;
	char byte;
	int r;

	for (int i = 0; i < 10 && !up; i++) {
		up = SSL_do_handshake(ours) == 1;
		up &= SSL_do_handshake(theirs) == 1;
	}
	if (!up || rekey_at_once(theirs, SSL_get_fd(theirs), 3000))
		return false;
	r = SSL_read(ours, &byte, 1);
	return r <= 0 && SSL_get_error(ours, r) == SSL_ERROR_WANT_READ &&
	       unread(SSL_get_fd(ours)) > 0;
}

#endif
