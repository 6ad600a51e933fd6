/* SPDX-License-Identifier: MIT */
package suite.work;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Encrypts and decrypts with AES and triple DES, blocks chained or as a stream. */
public final class Aes extends Known {
    private static final int SIZE = 1 << 20;
    /** For triple DES, which is many times slower. */
    private static final int SMALL = 1 << 17;

    private byte[] input;
    private byte[] key;
    private byte[] vector;

    public Aes(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) {
        Rng random = new Rng(4);
        input = random.bytes(SIZE);
        key = random.bytes(32);
        vector = random.bytes(16);
    }

    @Override
    public long operation() throws GeneralSecurityException {
        Checksum sum = new Checksum();
        for (int bits = 128; bits <= 256; bits += 64) {
            cipher("AES/CBC/PKCS5Padding", bits / 8, 16, SIZE, sum);
            cipher("AES/CTR/NoPadding", bits / 8, 16, SIZE, sum);
        }
        cipher("DESede/CBC/PKCS5Padding", 24, 8, SMALL, sum);
        return sum.value();
    }

    private void cipher(String name, int keyLength, int block, int size, Checksum sum)
            throws GeneralSecurityException {
        SecretKeySpec spec = new SecretKeySpec(key, 0, keyLength, name.substring(0, name.indexOf('/')));
        IvParameterSpec start = new IvParameterSpec(vector, 0, block);
        Cipher cipher = Cipher.getInstance(name);
        cipher.init(Cipher.ENCRYPT_MODE, spec, start);
        byte[] secret = cipher.doFinal(input, 0, size);
        cipher.init(Cipher.DECRYPT_MODE, spec, start);
        byte[] plain = cipher.doFinal(secret);
        require(Arrays.equals(plain, 0, plain.length, input, 0, size), "what is decrypted is what was encrypted");
        sum.add(secret);
    }
}
