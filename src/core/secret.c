/*
 * secret.c
 *	  SipHash-2-4 under the installation's secret.
 *
 * A tag in pg_locks, a slot in shared memory and a queue are found by a hash of
 * names.  Were it public, a tenant could search for names of its own that meet
 * another's, and make that one wait.  The database's OID goes in too, because
 * CREATE DATABASE ... TEMPLATE copies the secret.
 *
 * Memory: the caller's.  Locks: none.  On ERROR: nothing to undo; only the
 * reading of the secret can raise one.
 */
#include "core/core.h"

#include "miscadmin.h"

static inline uint64
rotate(uint64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void
rounds(uint64 *v, int n)
{
	while (n-- > 0)
	{
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
add_bytes(AgcSecretHash *hash, const uint8 *data, Size len)
{
	for (Size i = 0; i < len; i++)
	{
		hash->word |= (uint64) data[i] << (8 * (hash->len++ % 8));
		if (hash->len % 8 == 0)
		{
			hash->v[3] ^= hash->word;
			rounds(hash->v, 2);
			hash->v[0] ^= hash->word;
			hash->word = 0;
		}
	}
}

/* Two purposes share no hash, whatever their fields are. */
void
agc_secret_begin(AgcSecretHash *hash, char purpose)
{
	uint64		key[2];

	memcpy(key, agc_installation_secret()->data, sizeof(key));
	hash->v[0] = key[0] ^ UINT64CONST(0x736f6d6570736575);
	hash->v[1] = key[1] ^ UINT64CONST(0x646f72616e646f6d);
	hash->v[2] = key[0] ^ UINT64CONST(0x6c7967656e657261);
	hash->v[3] = key[1] ^ UINT64CONST(0x7465646279746573);
	hash->word = hash->len = 0;
	agc_secret_field(hash, &MyDatabaseId, sizeof(MyDatabaseId));
	agc_secret_field(hash, &purpose, 1);
}

/* The length keeps ("ab", "c") and ("a", "bc") apart. */
void
agc_secret_field(AgcSecretHash *hash, const void *data, Size len)
{
	uint32		prefix = (uint32) len;

	add_bytes(hash, (const uint8 *) &prefix, sizeof(prefix));
	add_bytes(hash, data, len);
}

uint64
agc_secret_end(AgcSecretHash *hash)
{
	uint64		last = hash->word | (hash->len << 56);

	hash->v[3] ^= last;
	rounds(hash->v, 2);
	hash->v[0] ^= last;
	hash->v[2] ^= 0xff;
	rounds(hash->v, 4);
	return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}
