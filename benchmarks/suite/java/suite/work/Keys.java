/* SPDX-License-Identifier: MIT */
package suite.work;

import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.RSAPrivateCrtKeySpec;
import java.security.spec.RSAPublicKeySpec;

/** Keys that protect nothing: the same in each run, so that signatures by them are known. */
final class Keys {
    private static final BigInteger P = number("d9d2a186a22f697e1d41924245ec071cbb25da87392fc6b9e3a477c1bcfdb310"
            + "c8c0eeb3ca2ee6d9c5f0d184cf02638d9b482a391cfb107e0e484146b51270fe"
            + "7109551ab1309c9f3b6da4dd49129d57f5a8180e2e27e5d88e71e102423a9750"
            + "e958f266bb726017323278a62895104de14e370f86c3c824fbafd1550f2462eb");
    private static final BigInteger Q = number("cc5107016a7be1d64855fdc895551ed8ed1e10e0faf279728e125100357e56dd"
            + "a5089e46d38ba28d6dd77e3ad2ddde7647b00e9e5778f299bd6197def9c7f0e1"
            + "1ff2485e46dee154e53eae42b841c5bff39c5d7b3d8355398329e93b40247ba0"
            + "a24d8dd855fa1a83d6afadcdfde3070e49e962c129ba24458719fa7b82e28cf5");
    private static final BigInteger EXPONENT = BigInteger.valueOf(65537);

    /** On the curve secp256r1. */
    private static final BigInteger SECRET = number("d40e31de2c07450fe9eae3805e041d144697be66ac7fb4d09dcba6f3a34ac45c");
    private static final BigInteger X = number("c50b575fee46c93a0ad0142f187c5ec2ceee2954943bf86353d3b6aa0b9db2bd");
    private static final BigInteger Y = number("2a91b4d36feac93c660b279ffd87b285dfb2d4ef8ed2a392bd2def004a31f31");

    private Keys() {}

    private static BigInteger number(String digits) {
        return new BigInteger(digits, 16);
    }

    static PublicKey rsaPublic() throws GeneralSecurityException {
        return KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(P.multiply(Q), EXPONENT));
    }

    static PrivateKey rsaPrivate() throws GeneralSecurityException {
        BigInteger p = P.subtract(BigInteger.ONE), q = Q.subtract(BigInteger.ONE);
        BigInteger exponent = EXPONENT.modInverse(p.multiply(q));
        return KeyFactory.getInstance("RSA").generatePrivate(new RSAPrivateCrtKeySpec(P.multiply(Q), EXPONENT, exponent,
                P, Q, exponent.mod(p), exponent.mod(q), Q.modInverse(P)));
    }

    private static ECParameterSpec curve() throws GeneralSecurityException {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec("secp256r1"));
        return parameters.getParameterSpec(ECParameterSpec.class);
    }

    static PublicKey ecPublic() throws GeneralSecurityException {
        return KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(new ECPoint(X, Y), curve()));
    }

    static PrivateKey ecPrivate() throws GeneralSecurityException {
        return KeyFactory.getInstance("EC").generatePrivate(new ECPrivateKeySpec(SECRET, curve()));
    }
}
