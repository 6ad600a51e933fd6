/* SPDX-License-Identifier: MIT */
package suite.work;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.Arrays;
import javax.crypto.Cipher;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/** Encrypts and decrypts blocks with RSA of 2048 bits.  The padding is random: only what comes back is known. */
public final class Rsa extends Known {
    private static final int BLOCKS = 40, SIZE = 200;

    private byte[] input;
    private PublicKey publicKey;
    private PrivateKey privateKey;

    public Rsa(long expected) {
        super(expected);
    }

    @Override
    public void setUp(Setting setting) throws GeneralSecurityException {
        input = new Rng(7).bytes(BLOCKS * SIZE);
        publicKey = Keys.rsaPublic();
        privateKey = Keys.rsaPrivate();
    }

    @Override
    public long operation() throws GeneralSecurityException {
        Cipher encrypt = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        Cipher decrypt = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        encrypt.init(Cipher.ENCRYPT_MODE, publicKey);
        decrypt.init(Cipher.DECRYPT_MODE, privateKey);
        Checksum sum = new Checksum();
        for (int at = 0; at < input.length; at += SIZE) {
            byte[] secret = encrypt.doFinal(input, at, SIZE);
            require(!Arrays.equals(secret, 0, SIZE, input, at, at + SIZE), "what is encrypted is not the input");
            sum.add(decrypt.doFinal(secret));
        }
        return sum.value();
    }
}
